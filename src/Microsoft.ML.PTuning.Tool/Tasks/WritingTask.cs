using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A text for a text, written by a language model.</summary>
internal sealed class WritingTask : ToolTask
{
    public override string Name => "writing";

    public override string Kind => "text-generation";

    public override CellType LabelType => CellType.Text;

    public override string Metric => "BLEU";

    public override (int Least, int Most) TextCount => (1, 1);

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.TextGenerationOptions
    {
        LabelColumnName = columns.Label,
        TextColumnName = columns.Texts[0],
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2TextGeneration((PTuningV2Trainer.TextGenerationOptions)options);

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateText(scored, label);
        return new Measurement(
        [
            (Metric, metrics.Bleu), ("ROUGE-1", metrics.Rouge1), ("ROUGE-2", metrics.Rouge2), ("ROUGE-L", metrics.RougeL), ("chrF", metrics.ChrF),
            ("exact match", metrics.ExactMatch),
        ]);
    }

    public override string Quality => "F1 of the words per row";

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        Texts(scored, "GeneratedText").Zip(rows).Select(row =>
        {
            var (written, expected) = (row.First, row.Second.Text(label));
            return new Judgement(expected, written, Overlap.OfWords(expected, written), Confidence: null);
        });
}
