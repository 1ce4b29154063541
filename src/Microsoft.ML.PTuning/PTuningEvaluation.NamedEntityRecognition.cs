using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Evaluation;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

public static partial class PTuningEvaluation
{
    private const string Entities =
        "a vector of tags, as keys with text values (MapValueToKey of 'O', 'B-PER', ...) or as text, or a vector of text with spans ('PER 0 5')";

    /// <summary>Computes precision, recall and F1 of whole entities (Tjong Kim Sang &amp; De Meulder 2003).</summary>
    /// <remarks>
    /// <para>
    /// Both columns hold a row's tags, one per word, as keys or as text (behind <c>MapKeyToValue</c>); or both hold its entities as text in the form
    /// of <see cref="EntitySpan"/>, in any order; empty texts are ignored. Each column has its own tags: IOB1 labels can be compared with IOB2
    /// predictions. Types without a prefix are tags, too: neighbouring words of one type are one entity.
    /// </para>
    /// <para>
    /// A missing key (0), <c>O</c>, <c>0</c> and the empty text mean no entity. A row with predictions but without labels is left out and counted.
    /// Tags that name no entities, such as parts of speech, are refused, because every word has a type.
    /// </para>
    /// </remarks>
    /// <param name="labelColumnName">The right entities; tags are read leniently.</param>
    /// <param name="predictedLabelColumnName">The predicted entities.</param>
    /// <param name="reading">How predicted tags that violate their scheme are read.</param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or its tags name no entities.</exception>
    /// <exception cref="InvalidOperationException">A row has more tags in one column than in the other, or the data has both entities and tags.</exception>
    /// <example>
    /// <code>
    /// var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(model.Transform(newSentences));
    /// Console.WriteLine($"precision {metrics.MicroPrecision:F3}, recall {metrics.MicroRecall:F3}, F1 {metrics.MicroF1:F3}");
    /// </code>
    /// </example>
    public static NamedEntityMetrics EvaluateNamedEntityRecognition(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string predictedLabelColumnName = "PredictedLabel",
        EntityReading reading = EntityReading.Lenient)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        if (!Enum.IsDefined(reading))
            throw new ArgumentOutOfRangeException(nameof(reading), reading, $"Expected {EntityReading.Lenient} or {EntityReading.Strict}.");
        RefuseSame(labelColumnName, predictedLabelColumnName);
        var label = Find(data, "label", labelColumnName, Entities, type => IsKeyVector(type) || IsTextVector(type));
        var predicted = Find(data, "predicted label", predictedLabelColumnName, Entities, type => IsKeyVector(type) || IsTextVector(type));

        var tags = new TagComparison(label, predicted, reading);
        var spans = new EntityCounter();
        bool? areTags = IsKeyVector(label.Type) || IsKeyVector(predicted.Type) ? true : null;
        var undecided = new List<EntityRow>(); // As long as all texts are empty.
        using var cursor = data.GetRowCursor([label, predicted]);
        var (labels, predictions) = (tags.OpenLabels(cursor), tags.OpenPredictions(cursor));
        while (cursor.MoveNext())
        {
            undecided.Add(new EntityRow(cursor.Position, labels(), predictions()));
            areTags ??= undecided[^1].Texts.FirstOrDefault(text => text.Length > 0) is { } text ? !EntitySpan.TryParse(text, out _) : (bool?)null;
            if (areTags is null)
                continue;
            undecided.ForEach(Count);
            undecided.Clear();
        }
        undecided.ForEach(Count);
        return areTags == true ? tags.Measure() : spans.Measure();

        void Count(EntityRow row)
        {
            if (areTags == true)
                tags.Add(row);
            else
                spans.AddSpans(ParseSpans(row.Right, label, row.Position), ParseSpans(row.Found, predicted, row.Position));
        }
    }

    private static List<EntitySpan> ParseSpans(IReadOnlyList<string> texts, DataViewSchema.Column column, long row)
    {
        try
        {
            return [.. texts.Where(text => text.Length > 0).Select(EntitySpan.Parse)];
        }
        catch (FormatException e)
        {
            throw new InvalidOperationException(
                $"Row {row} (the first is 0) of column '{column.Name}': {e.Message} Give entities in both columns, or tags in both.", e);
        }
    }

    private static bool IsKeyVector(DataViewType type) => type is VectorDataViewType { ItemType: KeyDataViewType };

    private sealed record EntityRow(long Position, string[] Right, string[] Found)
    {
        public IEnumerable<string> Texts => Right.Concat(Found);
    }

    /// <summary>Compares the tags of two columns, each with tags of its own.</summary>
    private sealed class TagComparison
    {
        private readonly DataViewSchema.Column _label, _predicted;
        private readonly string[]? _labelValues, _predictedValues; // Null for columns of text.
        private readonly TagKind _labelKind, _predictedKind;
        private readonly EntityReading _reading;
        private readonly EntityCounter _counter = new();

        public TagComparison(DataViewSchema.Column label, DataViewSchema.Column predicted, EntityReading reading)
        {
            (_label, _predicted, _reading) = (label, predicted, reading);
            (_labelKind, _predictedKind) = (new TagKind(label.Name), new TagKind(predicted.Name));
            (_labelValues, _predictedValues) = (ReadValues(label), ReadValues(predicted));
            Note(_labelValues ?? [], _predictedValues ?? []);
        }

        public Func<string[]> OpenLabels(DataViewRow row) => Open(row, _label, _labelValues);

        public Func<string[]> OpenPredictions(DataViewRow row) => Open(row, _predicted, _predictedValues);

        public void Add(EntityRow row)
        {
            if (row.Right.Length != row.Found.Length && row.Right.Length > 0)
                throw new InvalidOperationException(
                    $"Row {row.Position} (the first is 0) has {row.Right.Length} tags in column '{_label.Name}' and {row.Found.Length} in column "
                    + $"'{_predicted.Name}'; expected one a word in both.");
            RefuseSpans(row);
            Note(row.Right, row.Found);
            _counter.AddTags(
                Array.ConvertAll(row.Right, TagSequence.ToPrefixed), Array.ConvertAll(row.Found, TagSequence.ToPrefixed), _reading);
        }

        /// <exception cref="ArgumentOutOfRangeException">The tags name no entities.</exception>
        public NamedEntityMetrics Measure() =>
            (_labelKind.Plain ?? _predictedKind.Plain) is { } type && !_labelKind.HasOutside && !_predictedKind.HasOutside
                ? throw new ArgumentOutOfRangeException(_label.Name,
                    $"Columns '{_label.Name}' and '{_predicted.Name}' have a tag such as '{type}' for every word, so the tags name no entities. Expected "
                    + "types behind B-, I-, E-, S-, L-, U-, or a tag for words outside of entities: 'O', '0' or a missing key.")
                : _counter.Measure();

        private void Note(string[] right, string[] found)
        {
            Array.ForEach(right, _labelKind.Add);
            Array.ForEach(found, _predictedKind.Add);
            if (_reading == EntityReading.Strict && Array.Find(found, IsNoIob2) is { } other)
                throw new ArgumentOutOfRangeException(_predicted.Name,
                    $"The predicted label column '{_predicted.Name}' has the tag '{other}'; strict reading knows IOB2 only, 'O' and types behind B- and I-. "
                    + $"Use {nameof(EntityReading)}.{nameof(EntityReading.Lenient)} for other schemes.");
        }

        private void RefuseSpans(EntityRow row)
        {
            Refuse(_label, _labelValues, row.Right);
            Refuse(_predicted, _predictedValues, row.Found);

            void Refuse(DataViewSchema.Column column, string[]? values, string[] texts)
            {
                if (values is null && Array.Find(texts, text => EntitySpan.TryParse(text, out _)) is { } span)
                    throw new InvalidOperationException(
                        $"Row {row.Position} (the first is 0) of column '{column.Name}' has the entity '{span}', where a tag was expected as in other rows "
                        + "or in the other column. Give entities in both columns, or tags in both.");
            }
        }

        private static bool IsNoIob2(string tag) => !TagSequence.IsOutside(tag) && !(TagSequence.IsTag(tag) && tag[0] is 'B' or 'I');

        private static Func<string[]> Open(DataViewRow row, DataViewSchema.Column column, string[]? values)
        {
            if (values is null)
            {
                var texts = OpenTexts(row, column);
                return () => [.. texts()];
            }
            var keys = KeyColumn.OpenVector(row, column);
            return () => Array.ConvertAll(keys(), key => key == 0 || key > (ulong)values.Length ? TagSequence.Outside : values[key - 1]);
        }

        private static string[]? ReadValues(DataViewSchema.Column column)
        {
            if (!IsKeyVector(column.Type))
                return null;
            if (column.Annotations.Schema.GetColumnOrNull(ScoreAnnotations.KeyValues)?.Type is not VectorDataViewType { ItemType: TextDataViewType })
                throw new ArgumentOutOfRangeException(column.Name, $"The keys of column '{column.Name}' have no text values; expected {Entities}.");

            VBuffer<ReadOnlyMemory<char>> values = default;
            column.Annotations.GetValue(ScoreAnnotations.KeyValues, ref values);
            return [.. values.DenseValues().Select(value => value.ToString())];
        }
    }
}
