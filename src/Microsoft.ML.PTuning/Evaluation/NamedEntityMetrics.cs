using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning;

/// <summary>Precision, recall and F1 of whole entities, as conlleval counts them.</summary>
/// <remarks>
/// An entity is right where type, start and end are those of a labelled one. A share of nothing is 0, as conlleval has it
/// (Tjong Kim Sang &amp; Buchholz, CoNLL-2000; Tjong Kim Sang &amp; De Meulder, CoNLL-2003).
/// </remarks>
public sealed class NamedEntityMetrics
{
    private readonly ClassScore _micro;
    private readonly int _rows;
    private readonly int? _words;

    internal NamedEntityMetrics(IReadOnlyDictionary<string, ClassScore> perType, int correct, int rows, int? words, int rightWords, int skipped)
    {
        (PerType, CorrectEntities, SkippedRows, _rows, _words) = (perType, correct, skipped, rows, words);
        _micro = new ClassScore(correct, perType.Values.Sum(score => score.Support), perType.Values.Sum(score => score.Predicted));
        WordAccuracy = words > 0 ? (double)rightWords / words.Value : double.NaN;
    }

    /// <summary>The share of the predicted entities that are right.</summary>
    public double MicroPrecision => _micro.Precision;

    /// <summary>The share of the labelled entities that were found.</summary>
    public double MicroRecall => _micro.Recall;

    /// <summary>Harmonic mean of <see cref="MicroPrecision"/> and <see cref="MicroRecall"/>: the figure that papers report.</summary>
    public double MicroF1 => _micro.F1;

    /// <summary>Mean of the types' precisions; every type that is labelled or predicted weighs the same.</summary>
    public double MacroPrecision => Mean(score => score.Precision);

    /// <summary>Mean of the types' recalls.</summary>
    public double MacroRecall => Mean(score => score.Recall);

    /// <summary>Mean of the types' F1.</summary>
    public double MacroF1 => Mean(score => score.F1);

    /// <summary>The score of each type that is labelled or predicted, in the order of their names.</summary>
    public IReadOnlyDictionary<string, ClassScore> PerType { get; }

    /// <summary>The share of words whose tag is the label's; NaN for character spans, or without words.</summary>
    /// <remarks>
    /// The tag as the label writes it, or as IOB2 would. Most words are outside of entities: it is high for a model that finds none.
    /// </remarks>
    public double WordAccuracy { get; }

    /// <summary>Entities in the labels.</summary>
    public int LabelledEntities => _micro.Support;

    /// <summary>Entities in the predictions.</summary>
    public int PredictedEntities => _micro.Predicted;

    /// <summary>Predicted entities that are right.</summary>
    public int CorrectEntities { get; }

    /// <summary>Rows left out because they have words but no label: an empty vector of tags.</summary>
    public int SkippedRows { get; }

    /// <summary>Writes the metrics in the format of conlleval: all types together, then a line per type with its number of predictions.</summary>
    /// <example>
    /// <code>
    /// var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(model.Transform(newSentences));
    /// Console.WriteLine(metrics.GetFormattedReport());
    /// </code>
    /// </example>
    public string GetFormattedReport()
    {
        var report = new StringBuilder();
        var processed = _words is int words ? $"{words} tokens" : $"{_rows} rows";
        Line($"processed {processed} with {LabelledEntities} phrases; found: {PredictedEntities} phrases; correct: {CorrectEntities}.");
        if (!double.IsNaN(WordAccuracy))
            report.Append(CultureInfo.InvariantCulture, $"accuracy: {100 * WordAccuracy,6:F2}%; ");
        Line(Shares(_micro));
        foreach (var (type, score) in PerType)
            Line($"{type,17}: {Shares(score)}  {score.Predicted}");
        return report.ToString();

        void Line(string line) => report.Append(line).Append('\n');
    }

    private static string Shares(ClassScore score) => string.Create(
        CultureInfo.InvariantCulture, $"precision: {100 * score.Precision,6:F2}%; recall: {100 * score.Recall,6:F2}%; FB1: {100 * score.F1,6:F2}");

    private double Mean(Func<ClassScore, double> figure) => PerType.Values.Select(figure).DefaultIfEmpty().Average();
}
