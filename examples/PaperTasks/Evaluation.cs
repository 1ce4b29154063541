using MathNet.Numerics.Statistics;
using Microsoft.ML;
using Microsoft.ML.Data;
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
                return Correlations(scored);
            case Measures.EveryCandidate:
                return EveryCandidate(data.Dev, Judged(scored, data.Labels));
            case Measures.BestCandidate:
                return BestCandidate(data.Dev, Likelihoods(scored, data.Labels));
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
        var judged = rows.Zip(judgedRight, (row, predicted) => (Question: row.Candidate!.Question, Right: row.Label == "1", Predicted: predicted)).ToList();
        int found = judged.Count(candidate => candidate.Right && candidate.Predicted);
        int claimed = judged.Count(candidate => candidate.Right) + judged.Count(candidate => candidate.Predicted);
        double exact = judged.GroupBy(candidate => candidate.Question)
            .Average(question => question.All(candidate => candidate.Right == candidate.Predicted) ? 1 : 0);
        return [KeyValuePair.Create("f1a", claimed == 0 ? 0 : 2.0 * found / claimed), KeyValuePair.Create("exactMatch", exact)];
    }

    /// <summary>ReCoRD's metrics (Zhang et al. 2018).</summary>
    /// <param name="rows">A row a candidate.</param>
    /// <param name="likelihoods">How likely each is a right answer. Of equally likely ones the last in ordinal order is taken, as in the official code.</param>
    public static IReadOnlyList<KeyValuePair<string, double>> BestCandidate(IReadOnlyList<Example> rows, IReadOnlyList<float> likelihoods)
    {
        List<Candidate> best =
        [
            .. rows.Zip(likelihoods, (row, likelihood) => (Candidate: row.Candidate!, Likelihood: likelihood))
                .GroupBy(row => row.Candidate.Question)
                .Select(question => question.OrderBy(row => row.Likelihood).ThenBy(row => row.Candidate.Text, StringComparer.Ordinal).Last().Candidate),
        ];
        return
        [
            KeyValuePair.Create("f1", best.Average(answer => AnswerText.F1(answer.Text, answer.RightAnswers))),
            KeyValuePair.Create("exactMatch", best.Average(answer => AnswerText.ExactMatch(answer.Text, answer.RightAnswers))),
        ];
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

    private static IReadOnlyList<KeyValuePair<string, double>> Correlations(IDataView scored)
    {
        double[] expected = [.. scored.GetColumn<float>("Label").Select(label => (double)label)];
        double[] predicted = [.. scored.GetColumn<float>("Score").Select(score => (double)score)];
        return
        [
            KeyValuePair.Create("pearson", Defined(Correlation.Pearson(expected, predicted))),
            KeyValuePair.Create("spearman", Defined(Correlation.Spearman(expected, predicted))),
        ];
    }

    // A model that predicts one number for every row correlates with nothing; the formula divides zero by zero.
    private static double Defined(double correlation) => double.IsNaN(correlation) ? 0 : correlation;
}
