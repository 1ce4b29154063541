using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks;

/// <summary>The metrics of the GLUE and SuperGLUE boards, by the names they have in the report; the task's own metric comes first.</summary>
internal static class Evaluation
{
    /// <param name="scored">Rows with the columns Label, Score and PredictedLabel.</param>
    public static IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored, SentenceData data)
    {
        switch (data.Measures)
        {
            case Measures.Correlation:
                return Correlations(mlContext, scored);
            case Measures.EveryCandidate:
                return EveryCandidate(data.Dev, Judged(scored, data.Labels));
            case Measures.BestCandidate:
                return Answers(mlContext, BestCandidates(data.Dev, Likelihoods(scored, data.Labels)));
            case Measures.BestChoice:
                IReadOnlyList<Candidate> chosen = BestCandidates(data.Dev, Likelihoods(scored, data.Labels));
                return [KeyValuePair.Create("accuracy", chosen.Average(choice => choice.RightAnswers.Contains(choice.Text) ? 1.0 : 0))];
        }

        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(scored);
        IReadOnlyList<IReadOnlyList<double>> confusion = metrics.ConfusionMatrix.Counts;
        var accuracy = KeyValuePair.Create("accuracy", metrics.MicroAccuracy);
        return data.Measures switch
        {
            Measures.AccuracyAndF1 => [accuracy, KeyValuePair.Create("f1", F1(confusion, PositiveClass(data.Labels)))],
            Measures.AccuracyAndMacroF1 => [accuracy, KeyValuePair.Create("macroF1", MacroF1(confusion))],
            _ => [accuracy],
        };
    }

    /// <param name="confusion">Counts, actual classes in the rows and predicted ones in the columns.</param>
    /// <param name="positive">Index of the class.</param>
    public static double F1(IReadOnlyList<IReadOnlyList<double>> confusion, int positive)
    {
        double right = confusion[positive][positive];
        double actual = confusion[positive].Sum();
        double predicted = confusion.Sum(row => row[positive]);
        return actual + predicted == 0 ? 0 : 2 * right / (actual + predicted);
    }

    /// <summary>Mean of F1 over the classes that occur, as actual or as predicted ones (scikit-learn's definition).</summary>
    public static double MacroF1(IReadOnlyList<IReadOnlyList<double>> confusion) =>
        Enumerable.Range(0, confusion.Count)
            .Where(label => confusion[label].Sum() + confusion.Sum(row => row[label]) > 0)
            .Average(label => F1(confusion, label));

    /// <summary>MultiRC's metrics (Khashabi et al. 2018).</summary>
    /// <param name="rows">A row a candidate.</param>
    /// <param name="judgedRight">Whether each was predicted to be a right answer.</param>
    public static IReadOnlyList<KeyValuePair<string, double>> EveryCandidate(IReadOnlyList<Example> rows, IReadOnlyList<bool> judgedRight)
    {
        var judged = rows.Zip(judgedRight, (row, predicted) => (row.Candidate!.Question, Right: row.Label == "1", Predicted: predicted)).ToList();
        int found = judged.Count(candidate => candidate.Right && candidate.Predicted);
        int claimed = judged.Count(candidate => candidate.Right) + judged.Count(candidate => candidate.Predicted);
        double exact = judged.GroupBy(candidate => candidate.Question)
            .Average(question => question.All(candidate => candidate.Right == candidate.Predicted) ? 1 : 0);
        return [KeyValuePair.Create("f1a", claimed == 0 ? 0 : 2.0 * found / claimed), KeyValuePair.Create("exactMatch", exact)];
    }

    /// <summary>Each question's likeliest candidate; of equally likely ones the last in ordinal order, as in the official code.</summary>
    /// <param name="rows">A row a candidate.</param>
    /// <param name="likelihoods">How likely each is a right answer.</param>
    public static IReadOnlyList<Candidate> BestCandidates(IReadOnlyList<Example> rows, IReadOnlyList<float> likelihoods) =>
    [
        .. rows.Zip(likelihoods, (row, likelihood) => (Candidate: row.Candidate!, Likelihood: likelihood))
            .GroupBy(row => row.Candidate.Question)
            .Select(question => question.OrderBy(row => row.Likelihood).ThenBy(row => row.Candidate.Text, StringComparer.Ordinal).Last().Candidate),
    ];

    // F1 of words and exact match, as ReCoRD takes them from SQuAD (Zhang et al. 2018).
    private static IReadOnlyList<KeyValuePair<string, double>> Answers(MLContext mlContext, IReadOnlyList<Candidate> answers)
    {
        IDataView rows = mlContext.Data.LoadFromEnumerable(answers.Select(answer => new AnsweredRow
        {
            Answer = answer.Text,
            RightAnswers = [.. answer.RightAnswers],
        }));
        QuestionAnswerMetrics metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(
            rows, nameof(AnsweredRow.RightAnswers), nameof(AnsweredRow.Answer));
        return [KeyValuePair.Create("f1", metrics.F1), KeyValuePair.Create("exactMatch", metrics.ExactMatch)];
    }

    private static List<bool> Judged(IDataView scored, IReadOnlyList<string> labels)
    {
        int positive = PositiveClass(labels);
        return [.. scored.GetColumn<uint>("PredictedLabel").Select(key => key == positive + 1)];           // keys count from 1
    }

    private static List<float> Likelihoods(IDataView scored, IReadOnlyList<string> labels)
    {
        int positive = PositiveClass(labels);
        return [.. scored.GetColumn<VBuffer<float>>("Score").Select(score => score.GetItemOrDefault(positive))];
    }

    private static int PositiveClass(IReadOnlyList<string> labels)
    {
        int positive = labels.ToList().IndexOf("1");
        return positive >= 0 ? positive : throw new InvalidDataException($"F1 is that of the label '1', the labels found are: {string.Join(", ", labels)}.");
    }

    private static IReadOnlyList<KeyValuePair<string, double>> Correlations(MLContext mlContext, IDataView scored)
    {
        SimilarityMetrics metrics = mlContext.Regression.EvaluateSimilarity(scored);
        return [KeyValuePair.Create("pearson", Defined(metrics.Pearson)), KeyValuePair.Create("spearman", Defined(metrics.Spearman))];
    }

    // A model that predicts one number for every row correlates with nothing; the formula divides zero by zero.
    private static double Defined(double correlation) => double.IsNaN(correlation) ? 0 : correlation;

    private sealed class AnsweredRow
    {
        public string Answer { get; set; } = "";

        public string[] RightAnswers { get; set; } = [];
    }
}
