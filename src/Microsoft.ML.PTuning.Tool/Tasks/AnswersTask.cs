using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Answers cut from a context.</summary>
internal sealed class AnswersTask : ToolTask
{
    public override string Name => "answers";

    public override string Kind => "question-answering";

    public override CellType LabelType => CellType.Text;

    public override string Metric => "F1";

    public override (int Least, int Most) TextCount => (2, 2);

    // A question may have no answer.
    public override string? Misfit(DataRow row, int label)
    {
        var (context, answer, start) = (row.Text(0), row.Text(label), row.Text(label + 1));
        if (answer.Length == 0)
            return null;
        return int.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at <= context.Length
            && context.AsSpan(at).StartsWith(answer, StringComparison.Ordinal) ? null : $"the answer '{answer}' does not stand at {start} in its context.";
    }

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.QuestionAnswerOptions
    {
        ContextColumnName = columns.Texts[0],
        QuestionColumnName = columns.Texts[1],
        TrainingAnswerColumnName = columns.Label,
        AnswerIndexColumnName = columns.AnswerStart!,
        PredictedAnswerColumnName = "PredictedAnswer",
        AnswerStartColumnName = "PredictedStart",
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer((PTuningV2Trainer.QuestionAnswerOptions)options);

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(scored, label, AnswerColumn(scored.Schema));
        return new Measurement([(Metric, metrics.F1), ("exact match", metrics.ExactMatch)]);
    }

    public override string Quality => "F1 per row";

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        scored.GetColumn<string[]>(AnswerColumn(scored.Schema)).Zip(scored.GetColumn<float[]>("Score"), rows).Select(row =>
        {
            var (expected, predicted) = (row.Third.Text(label), row.First.FirstOrDefault() ?? "");
            return new Judgement(expected, predicted, Overlap.OfWords(expected, predicted), row.Second.FirstOrDefault());
        });

    // Models of other programs keep the library's own name.
    private static string AnswerColumn(DataViewSchema schema) => schema.GetColumnOrNull("PredictedAnswer") is null ? "Answer" : "PredictedAnswer";
}
