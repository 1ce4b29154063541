using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The classes of a key label: how many there are, and their values in the label's own type.</summary>
/// <remarks>The count is that of the key type, not of the classes in the data, so that every fold and every file has the same order of scores.</remarks>
internal sealed class LabelValues : IJsonOnDeserialized
{
    private static readonly PrimitiveDataViewType[] ItemTypes =
    [
        TextDataViewType.Instance, BooleanDataViewType.Instance, NumberDataViewType.Single, NumberDataViewType.Double,
        NumberDataViewType.SByte, NumberDataViewType.Byte, NumberDataViewType.Int16, NumberDataViewType.UInt16,
        NumberDataViewType.Int32, NumberDataViewType.UInt32, NumberDataViewType.Int64, NumberDataViewType.UInt64,
    ];

    /// <summary>The limit per task; with more classes the head would be larger than most encoders.</summary>
    public const int MostClasses = 1_000_000;

    private readonly Lazy<Dictionary<string, int>> _indices;

    /// <param name="itemType">Name of the values' type; null where the key has no values.</param>
    /// <param name="values">The values, in the invariant culture.</param>
    [JsonConstructor]
    public LabelValues(int count, string? itemType, IReadOnlyList<string>? values)
    {
        Count = count;
        ItemType = itemType;
        Values = values;
        Type = itemType is null
            ? null
            : Array.Find(ItemTypes, t => t.RawType.Name == itemType || (t is TextDataViewType && itemType == "Text"))
                ?? throw new JsonException($"Label values of type '{itemType}' are not known; known are {string.Join(", ", ItemTypes.Select(Name))}.");
        if (count is < 0 or > MostClasses)
            throw new JsonException($"The task has {count} classes; expected up to {MostClasses}.");
        if (values?.Count != (Type is null ? null : count))
            throw new JsonException($"The task names {values?.Count ?? 0} label values for {count} classes.");
        _indices = new(() => Values!.Select((value, i) => (value, i)).ToDictionary(pair => pair.value, pair => pair.i));
    }

    public int Count { get; init; }

    public string? ItemType { get; init; }

    public IReadOnlyList<string>? Values { get; init; }

    /// <summary>Type of the values; null where the key has none.</summary>
    public PrimitiveDataViewType? Type { get; }

    /// <summary>Reads them from the annotations of a key column.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The key has no values or more than a million, a value's type cannot be saved, or a text holds half of a surrogate pair.
    /// </exception>
    public static LabelValues Read(DataViewSchema.Column label)
    {
        var key = (KeyDataViewType)label.Type;
        if (key.Count is 0 or > MostClasses)
            throw new ArgumentOutOfRangeException(label.Name, FormattableString.Invariant(
                $"Label column '{label.Name}' is a key of {key.Count:N0} values, expected 1 to {MostClasses:N0}: each is a class. ")
                + "Make it with Transforms.Conversion.MapValueToKey, of the values that there are.");

        var annotation = label.Annotations.Schema.GetColumnOrNull(ScoreAnnotations.KeyValues);
        if (annotation?.Type is not VectorDataViewType { ItemType: var itemType })
            return new LabelValues((int)key.Count, null, null);
        if (!ItemTypes.Contains(itemType))
            throw new ArgumentOutOfRangeException(label.Name,
                $"The values of label column '{label.Name}' are of type {itemType}; expected one of {string.Join(", ", ItemTypes.Select(Name))}. "
                + "Map the label to text first.");

        var values = Generic<Reader>(itemType).Read(label);
        RefuseBrokenText(values, label.Name);
        return new LabelValues((int)key.Count, Name(itemType), values);
    }

    /// <summary>Refuses text that no file can hold.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value has half of a surrogate pair.</exception>
    public static void RefuseBrokenText(IReadOnlyList<string> values, string column)
    {
        for (var i = 0; i < values.Count; i++)
            if (HasLoneSurrogate(values[i]))
                throw new ArgumentOutOfRangeException(column,
                    $"Value {i + 1} of {values.Count} of label column '{column}' has half of a surrogate pair, which is no character and cannot be saved. "
                    + "Correct the label; texts that were cut should be cut between characters.");
    }

    /// <summary>The class with a value, from 0; -1 where there is none.</summary>
    public int IndexOf(string value) => _indices.Value.GetValueOrDefault(value, -1);

    /// <summary>A value that stands for several classes; null if there is none.</summary>
    public string? FindTwice() => Values?.GroupBy(value => value).FirstOrDefault(same => same.Skip(1).Any())?.Key;

    /// <summary>Whether classes, values and their order are the same.</summary>
    public bool IsSameAs(LabelValues other) =>
        Count == other.Count && ItemType == other.ItemType && (Values ?? []).SequenceEqual(other.Values ?? []);

    /// <summary>Adds the values, in their own type, as the annotation <paramref name="kind"/>.</summary>
    public void AddTo(DataViewSchema.Annotations.Builder annotations, string kind)
    {
        if (Type is not null)
            Generic<Writer>(Type).Add(annotations, kind, this);
    }

    /// <summary>Adds the values as text: ML.NET's evaluators read slot names of no other type.</summary>
    public void AddSlotNames(DataViewSchema.Annotations.Builder annotations)
    {
        if (Values is null)
            return;
        var names = new VBuffer<ReadOnlyMemory<char>>(Count, [.. Values.Select(v => v.AsMemory())]);
        annotations.Add(ScoreAnnotations.SlotNames, new VectorDataViewType(TextDataViewType.Instance, Count),
            (ref VBuffer<ReadOnlyMemory<char>> value) => names.CopyTo(ref value));
    }

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (Values?.Contains(null!) == true)
            throw new JsonException("A label value is null.");
        if (Type is not null)
            Generic<Writer>(Type).Check(this);
    }

    private static bool HasLoneSurrogate(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return true;
            i++;
        }
        return false;
    }

    private static string Name(PrimitiveDataViewType type) => type is TextDataViewType ? "Text" : type.RawType.Name;

    private static T Generic<T>(PrimitiveDataViewType type) =>
        (T)Activator.CreateInstance((typeof(T) == typeof(Reader) ? typeof(Reader<>) : typeof(Writer<>)).MakeGenericType(type.RawType))!;

    private abstract class Reader
    {
        public abstract IReadOnlyList<string> Read(DataViewSchema.Column label);
    }

    private sealed class Reader<T> : Reader
    {
        public override IReadOnlyList<string> Read(DataViewSchema.Column label)
        {
            VBuffer<T> values = default;
            label.Annotations.GetValue(ScoreAnnotations.KeyValues, ref values);
            return [.. values.DenseValues().Select(v => Convert.ToString(v is ReadOnlyMemory<char> text ? text.ToString() : v, CultureInfo.InvariantCulture)!)];
        }
    }

    private abstract class Writer
    {
        public abstract void Add(DataViewSchema.Annotations.Builder annotations, string kind, LabelValues labels);

        public abstract void Check(LabelValues labels);
    }

    private sealed class Writer<T> : Writer
    {
        public override void Add(DataViewSchema.Annotations.Builder annotations, string kind, LabelValues labels)
        {
            var values = new VBuffer<T>(labels.Count, [.. labels.Values!.Select(Parse)]);
            annotations.Add(kind, new VectorDataViewType(labels.Type!, labels.Count), (ref VBuffer<T> value) => values.CopyTo(ref value));
        }

        public override void Check(LabelValues labels)
        {
            foreach (var value in labels.Values!)
            {
                try
                {
                    Parse(value);
                }
                catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException)
                {
                    throw new JsonException($"The label value '{value}' is no {labels.ItemType}.", e);
                }
            }
        }

        private static T Parse(string value) =>
            (T)(typeof(T) == typeof(ReadOnlyMemory<char>) ? value.AsMemory() : Convert.ChangeType(value, typeof(T), CultureInfo.InvariantCulture));
    }
}
