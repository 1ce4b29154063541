namespace Microsoft.ML.PTuning;

/// <summary>Precision, recall and F1 where a row has any number of classes (Tsoumakas &amp; Katakis 2007). A share of nothing is 0.</summary>
public sealed class MultiLabelMetrics
{
    private readonly ClassScore _micro;

    internal MultiLabelMetrics(IReadOnlyDictionary<string, ClassScore> perClass, ClassScore micro, int exact, int rows)
    {
        (PerClass, _micro, Count) = (perClass, micro, rows);
        SubsetAccuracy = (double)exact / rows;
    }

    /// <summary>The share of the predicted classes, over all rows, that are right.</summary>
    public double MicroPrecision => _micro.Precision;

    /// <summary>The share of the labelled classes, over all rows, that were found.</summary>
    public double MicroRecall => _micro.Recall;

    /// <summary>Harmonic mean of <see cref="MicroPrecision"/> and <see cref="MicroRecall"/>.</summary>
    public double MicroF1 => _micro.F1;

    /// <summary>Mean of the classes' F1; every class that is labelled or predicted weighs the same.</summary>
    public double MacroF1 => PerClass.Values.Select(score => score.F1).DefaultIfEmpty().Average();

    /// <summary>The share of rows whose predicted classes are exactly the labelled ones.</summary>
    public double SubsetAccuracy { get; }

    /// <summary>The score of each class that is labelled or predicted, in the order of their names.</summary>
    public IReadOnlyDictionary<string, ClassScore> PerClass { get; }

    /// <summary>Rows that were measured.</summary>
    public int Count { get; }
}
