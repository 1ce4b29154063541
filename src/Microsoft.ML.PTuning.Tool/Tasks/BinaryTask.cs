using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>True or false per text or pair of texts.</summary>
internal sealed class BinaryTask : ToolTask
{
    public override string Name => "binary";

    public override string Kind => "binary-classification";

    public override CellType LabelType => CellType.Truth;

    public override string Metric => "accuracy";

    public override string? Misfit(DataRow row, int label) =>
        TruthValue.Of(row.Text(label)) is null ? $"the label is '{row.Text(label)}'; expected true or false, 1 or 0, yes or no." : null;

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.BinaryOptions
    {
        LabelColumnName = columns.Label,
        Sentence1ColumnName = columns.Texts[0],
        Sentence2ColumnName = columns.SecondText,
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.BinaryClassification.Trainers.PTuningV2((PTuningV2Trainer.BinaryOptions)options);

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        // The area under a curve needs rows of both kinds.
        var labels = scored.GetColumn<bool>(label).Distinct().Count();
        if (labels < 2)
            return new Measurement([(Metric, scored.GetColumn<bool>(label).Zip(scored.GetColumn<bool>("PredictedLabel")).Average(row => row.First == row.Second ? 1.0 : 0))]);

        var metrics = mlContext.BinaryClassification.Evaluate(scored, label);
        return new Measurement(
            [
                (Metric, metrics.Accuracy), ("F1", metrics.F1Score), ("area under the ROC curve", metrics.AreaUnderRocCurve), ("log-loss", metrics.LogLoss),
            ],
            metrics.ConfusionMatrix.GetFormattedConfusionTable())
        {
            Confusions = new Confusions(["true", "false"], metrics.ConfusionMatrix.Counts),
        };
    }

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        scored.GetColumn<bool>("PredictedLabel").Zip(scored.GetColumn<float>("Probability"), rows).Select(row =>
        {
            var expected = TruthValue.Of(row.Third.Text(label)) ?? false;
            return new Judgement(
                Spelled(expected), Spelled(row.First), expected == row.First ? 1 : 0, row.First ? row.Second : 1 - row.Second);
        });

    private static string Spelled(bool value) => value.ToString(CultureInfo.InvariantCulture).ToLowerInvariant();
}
