namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Counts labelled, predicted and right entities, row by row.</summary>
/// <remarks>An entity is right where type, start and end are those of a labelled one. The same entity twice in a row counts once.</remarks>
internal sealed class EntityCounter
{
    private readonly Dictionary<string, Counts> _types = new(StringComparer.Ordinal);
    private int _rows;
    private int _skipped;
    private int? _words; // Null until tags were added.
    private int _rightWords;

    /// <summary>
    /// Adds a row of tags. The labels are read leniently, the predictions as <paramref name="reading"/> says. A row without labels is left out.
    /// </summary>
    /// <exception cref="ArgumentException">There are more tags on one side than on the other.</exception>
    /// <exception cref="FormatException">One of them is no tag.</exception>
    public void AddTags(IReadOnlyList<string> label, IReadOnlyList<string> predicted, EntityReading reading = EntityReading.Lenient)
    {
        if (label.Count == 0 && predicted.Count > 0)
        {
            _skipped++;
            return;
        }
        if (label.Count != predicted.Count)
            throw new ArgumentException(
                $"The row has {label.Count} labels and {predicted.Count} predictions; expected one of each per word.", nameof(predicted));

        var spans = TagSequence.Spans(label, EntityReading.Lenient);
        AddSpans(spans.Select(Entity), TagSequence.Spans(predicted, reading).Select(Entity));

        var iob2 = TagSequence.ToIob2(spans, label.Count);
        _words = (_words ?? 0) + label.Count;
        _rightWords += predicted.Where((tag, word) => tag == label[word] || tag == iob2[word]).Count();
    }

    /// <summary>Adds a row of entities, in any order.</summary>
    public void AddSpans(IEnumerable<EntitySpan> label, IEnumerable<EntitySpan> predicted)
    {
        _rows++;
        var labelled = label.ToHashSet();
        foreach (var span in labelled)
            Of(span).Labelled++;
        foreach (var span in predicted.ToHashSet())
        {
            Of(span).Predicted++;
            if (labelled.Contains(span))
                Of(span).Correct++;
        }
    }

    public NamedEntityMetrics Measure() => new(
        new SortedDictionary<string, ClassScore>(
            _types.ToDictionary(type => type.Key, type => new ClassScore(type.Value.Correct, type.Value.Labelled, type.Value.Predicted)),
            StringComparer.Ordinal),
        _types.Values.Sum(counts => counts.Correct), _rows, _words, _rightWords, _skipped);

    private static EntitySpan Entity(TaggedSpan span) => new(span.Type, span.Start, span.End);

    private Counts Of(EntitySpan span)
    {
        if (!_types.TryGetValue(span.Type, out var counts))
            _types.Add(span.Type, counts = new Counts());
        return counts;
    }

    private sealed class Counts
    {
        public int Labelled { get; set; }

        public int Predicted { get; set; }

        public int Correct { get; set; }
    }
}
