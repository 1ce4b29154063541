using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A choice between texts; the label is the place of the right one, from 0.</summary>
internal sealed class ChoicesTask : ToolTask
{
    public override string Name => "choices";

    public override string Kind => "multiple-choice";

    public override CellType LabelType => CellType.Index;

    public override string Metric => "accuracy";

    public override CellType TextType(int place) => place == 0 ? CellType.Text : CellType.Texts;

    public override (int Least, int Most) TextCount => (2, 2);

    public override string? Misfit(DataRow row, int label) =>
        int.TryParse(row.Text(label), NumberStyles.None, CultureInfo.InvariantCulture, out var place) && place < row.List(1).Length
            ? null : $"the label is '{row.Text(label)}'; expected the place of the right one of {row.List(1).Length} choices, from 0.";

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.MultipleChoiceOptions
    {
        LabelColumnName = columns.Label,
        Sentence1ColumnName = columns.Texts[0],
        ChoicesColumnName = columns.Texts[1],
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2MultipleChoice((PTuningV2Trainer.MultipleChoiceOptions)options);

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateMultipleChoice(scored, label);
        return new Measurement([(Metric, metrics.MicroAccuracy), ("log-loss", metrics.LogLoss)]);
    }

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        scored.GetColumn<uint>("PredictedLabel").Zip(scored.GetColumn<float[]>("Score"), rows).Select(row =>
        {
            var (expected, predicted) = (row.Third.Text(label).Trim(), (row.First - 1).ToString(CultureInfo.InvariantCulture));
            return new Judgement(expected, predicted, expected == predicted ? 1 : 0, row.Second.DefaultIfEmpty(0).Max());
        });
}
