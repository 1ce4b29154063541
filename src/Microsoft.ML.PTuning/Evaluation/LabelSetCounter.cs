namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Counts the classes of rows that have any number of them.</summary>
internal sealed class LabelSetCounter
{
    private readonly SortedDictionary<string, (int Correct, int Support, int Predicted)> _classes = new(StringComparer.Ordinal);
    private int _exact;

    public int Rows { get; private set; }

    public void Add(IEnumerable<string> labels, IEnumerable<string> predictions)
    {
        var (right, predicted) = (labels.ToHashSet(StringComparer.Ordinal), predictions.ToHashSet(StringComparer.Ordinal));
        Rows++;
        _exact += right.SetEquals(predicted) ? 1 : 0;
        foreach (var name in right.Union(predicted))
        {
            var count = _classes.GetValueOrDefault(name);
            var (isRight, isPredicted) = (right.Contains(name), predicted.Contains(name));
            _classes[name] = (
                count.Correct + (isRight && isPredicted ? 1 : 0), count.Support + (isRight ? 1 : 0), count.Predicted + (isPredicted ? 1 : 0));
        }
    }

    public MultiLabelMetrics Measure() => new(
        new SortedDictionary<string, ClassScore>(
            _classes.ToDictionary(pair => pair.Key, pair => new ClassScore(pair.Value.Correct, pair.Value.Support, pair.Value.Predicted)),
            StringComparer.Ordinal),
        new ClassScore(_classes.Values.Sum(c => c.Correct), _classes.Values.Sum(c => c.Support), _classes.Values.Sum(c => c.Predicted)),
        _exact, Rows);
}
