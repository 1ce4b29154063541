using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Experiments;

/// <summary>The answer to a question, where it stands in a text.</summary>
internal sealed class AnswerExperiment(AnswerData data) : Experiment
{
    protected override (IDataView Train, IDataView Dev) Load(MLContext mlContext) => (Load(mlContext, data.Train), Load(mlContext, data.Dev));

    protected override IEstimator<ITransformer>? LabelsToKeys(MLContext mlContext) => null;

    protected override IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored)
    {
        QuestionAnswerMetrics metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(scored, nameof(QuestionRow.RightAnswers));
        List<KeyValuePair<string, double>> values = [KeyValuePair.Create("f1", metrics.F1), KeyValuePair.Create("exactMatch", metrics.ExactMatch)];
        if (metrics is { Answerable: { } answerable, Unanswerable: { } unanswerable })                  // SQuAD 2.0
        {
            values.Add(KeyValuePair.Create("answerableF1", answerable.F1));
            values.Add(KeyValuePair.Create("unanswerableF1", unanswerable.F1));
        }

        return values;
    }

    private static IDataView Load(MLContext mlContext, IReadOnlyList<TextQuestion> rows) =>
        mlContext.Data.LoadFromEnumerable(rows.Select(row => new QuestionRow
        {
            Question = row.Question,
            Context = row.Context,
            TrainingAnswer = row.TrainingAnswer,
            AnswerIndex = row.AnswerIndex,
            RightAnswers = [.. row.Answers],
        }));

    private sealed class QuestionRow
    {
        public string Question { get; set; } = "";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }

        /// <summary>What annotators answered; empty where the text does not say.</summary>
        public string[] RightAnswers { get; set; } = [];
    }
}
