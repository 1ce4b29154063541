using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The label of a row of tags.</summary>
internal abstract class RowTags
{
    /// <summary>The tag of each word.</summary>
    /// <param name="position">The row's, for messages.</param>
    /// <returns>Null where the label contradicts the text.</returns>
    /// <exception cref="InvalidOperationException">There are not as many tags as words.</exception>
    public abstract string[]? ForWords(SentenceWords sentence, long position);
}

/// <summary>Reads a label column of tags, one per word, or of entities, as characters of the text.</summary>
internal static class TagColumn
{
    /// <summary>Rows between two checks for cancellation.</summary>
    private const int RowsBetweenChecks = 256;

    /// <summary>The tags that keys stand for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The keys have no values, or values that are no texts.</exception>
    public static IReadOnlyList<string> KeyValues(DataViewSchema.Column label)
    {
        var annotation = label.Annotations.Schema.GetColumnOrNull(ScoreAnnotations.KeyValues);
        if (annotation?.Type is not VectorDataViewType { ItemType: TextDataViewType })
            throw new ArgumentOutOfRangeException(label.Name,
                $"The keys of label column '{label.Name}' have no texts as their values; expected tags such as 'B-PER'. "
                + "Make them with Transforms.Conversion.MapValueToKey.");

        VBuffer<ReadOnlyMemory<char>> values = default;
        label.Annotations.GetValue(ScoreAnnotations.KeyValues, ref values);
        return [.. values.DenseValues().Select(v => v.ToString())];
    }

    /// <summary>The types of all entities of a column, sorted.</summary>
    /// <param name="checkCancelled">Throws if the work has been cancelled.</param>
    /// <exception cref="InvalidOperationException">A row's value is no entity.</exception>
    public static IReadOnlyList<string> ReadTypes(IDataView data, string column, Action checkCancelled)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        using var cursor = data.GetRowCursor([data.Schema[column]]);
        var read = OpenEntities(cursor, cursor.Schema[column]);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                checkCancelled();
            types.UnionWith(read().Select(e => e.Type));
        }
        return [.. types];
    }

    /// <summary>Whether a row has a missing key, which stands for no entity.</summary>
    /// <param name="tags">How many values the keys have.</param>
    /// <param name="checkCancelled">Throws if the work has been cancelled.</param>
    public static bool HasMissing(IDataView data, string column, int tags, Action checkCancelled)
    {
        using var cursor = data.GetRowCursor([data.Schema[column]]);
        var read = KeyColumn.OpenVector(cursor, cursor.Schema[column]);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                checkCancelled();
            if (read().Any(key => IsMissing(key, tags)))
                return true;
        }
        return false;
    }

    /// <summary>Prepares to read. Every call of the result reads the current row's label, and returns null if it is missing.</summary>
    public static Func<RowTags?> Open(DataViewRow row, string column)
    {
        var label = row.Schema[column];
        if (ColumnForm.Keys.Accepts(label.Type))
            return OpenKeys(row, label);

        var read = OpenEntities(row, label);
        return () => new Entities(read());
    }

    private static bool IsMissing(ulong key, int tags) => key == 0 || key > (ulong)tags;

    private static Func<RowTags?> OpenKeys(DataViewRow row, DataViewSchema.Column label)
    {
        var tags = KeyValues(label);
        var read = KeyColumn.OpenVector(row, label);
        return () => read() is { Length: > 0 } keys
            ? new Tags(Array.ConvertAll(keys, key => IsMissing(key, tags.Count) ? TagSequence.Outside : tags[(int)key - 1]), label.Name)
            : null;
    }

    private static Func<EntitySpan[]> OpenEntities(DataViewRow row, DataViewSchema.Column label)
    {
        var getter = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(label);
        VBuffer<ReadOnlyMemory<char>> texts = default;
        return () =>
        {
            getter(ref texts);
            try
            {
                return [.. texts.DenseValues().Where(text => !text.IsEmpty).Select(text => EntitySpan.Parse(text.ToString()))];
            }
            catch (FormatException e)
            {
                throw new InvalidOperationException($"Label column '{label.Name}', row {row.Position}: {e.Message}", e);
            }
        };
    }

    private sealed class Tags(string[] tags, string column) : RowTags
    {
        public override string[] ForWords(SentenceWords sentence, long position) =>
            tags.Length == sentence.Words.Count
                ? tags
                : throw new InvalidOperationException(
                    $"Label column '{column}' has {tags.Length} tags in row {position}, but the sentence has {sentence.Words.Count} words. "
                    + "Give one per word; white space ends a word.");
    }

    /// <summary>An entity covers every word that it touches.</summary>
    private sealed class Entities(EntitySpan[] entities) : RowTags
    {
        public override string[]? ForWords(SentenceWords sentence, long position)
        {
            var words = sentence.Words;
            var spans = new List<TaggedSpan>(entities.Length);
            var free = 0;
            foreach (var entity in entities.OrderBy(e => e.Start))
            {
                var start = free;
                while (start < words.Count && words[start].End <= entity.Start)
                    start++;
                var end = start;
                while (end < words.Count && words[end].Start < entity.End)
                    end++;

                var overlaps = start == free && free > 0 && words[free - 1].End > entity.Start;
                if (overlaps || end == start || entity.End > sentence.Length)
                    return null;
                spans.Add(new TaggedSpan(start, end, entity.Type));
                free = end;
            }
            return TagSequence.ToIob2(spans, words.Count);
        }
    }
}
