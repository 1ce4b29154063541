using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A number per text or pair of texts.</summary>
internal sealed class RegressionTask : ToolTask
{
    public override string Name => "regression";

    public override string Kind => "regression";

    public override CellType LabelType => CellType.Number;

    public override string Metric => "R²";

    public override string? Misfit(DataRow row, int label) =>
        float.TryParse(row.Text(label), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && float.IsFinite(number)
            ? null : $"the label is '{row.Text(label)}'; expected a number such as 3.5.";

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.RegressionOptions
    {
        LabelColumnName = columns.Label,
        Sentence1ColumnName = columns.Texts[0],
        Sentence2ColumnName = columns.SecondText,
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.Regression.Trainers.PTuningV2((PTuningV2Trainer.RegressionOptions)options);

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.Regression.Evaluate(scored, label);
        if (scored.GetColumn<float>(label).Take(2).Count() < 2) // No correlation of one row.
            return new Measurement([(Metric, metrics.RSquared), ("mean absolute error", metrics.MeanAbsoluteError)]);

        var similarity = mlContext.Regression.EvaluateSimilarity(scored, label);
        return new Measurement(
        [
            (Metric, metrics.RSquared), ("Pearson", similarity.Pearson), ("Spearman", similarity.Spearman),
            ("mean absolute error", metrics.MeanAbsoluteError), ("root mean squared error", metrics.RootMeanSquaredError),
        ]);
    }

    public override string Quality => "negative absolute error";

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        scored.GetColumn<float>("Score").Zip(rows).Select(row =>
        {
            var expected = float.Parse(row.Second.Text(label), CultureInfo.InvariantCulture);
            return new Judgement(
                expected.ToString(CultureInfo.InvariantCulture), row.First.ToString("G4", CultureInfo.InvariantCulture), -Math.Abs(row.First - expected), null);
        });
}
