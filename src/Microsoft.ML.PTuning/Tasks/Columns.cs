using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A form that a column may have.</summary>
/// <param name="ItemType">The type of its values, or of its items; without meaning for keys, which may have any width.</param>
internal sealed record ColumnForm(PrimitiveDataViewType ItemType, bool IsKey = false, bool IsVector = false)
{
    public static readonly ColumnForm Text = new(TextDataViewType.Instance), Texts = new(TextDataViewType.Instance, IsVector: true);
    public static readonly ColumnForm Key = new(NumberDataViewType.UInt32, IsKey: true), Keys = new(NumberDataViewType.UInt32, IsKey: true, IsVector: true);

    public bool Accepts(DataViewType type)
    {
        var item = type is VectorDataViewType vector ? vector.ItemType : type;
        return type is VectorDataViewType == IsVector
            && (IsKey ? item is KeyDataViewType : item.Equals(ItemType));
    }

    public override string ToString() =>
        IsVector ? $"a vector of {(IsKey ? "keys" : ItemType)}"
        : IsKey ? "a key"
        : $"a scalar {ItemType}";
}

/// <summary>A column that a task reads.</summary>
/// <param name="Name">Its name in the data.</param>
/// <param name="Role">What the task uses it for, in the words of error messages.</param>
/// <param name="Forms">The forms it may have.</param>
/// <param name="Advice">What to do if it has another form.</param>
internal sealed record InputColumn(string Name, string Role, IReadOnlyList<ColumnForm> Forms, string Advice)
{
    public static InputColumn Text(string name, string role) =>
        new(name, role, [ColumnForm.Text], "Name a text column, or turn this one into text (Transforms.Conversion.ConvertType).");

    private string Expected => string.Join(" or ", Forms);

    public bool Accepts(DataViewType type) => Forms.Any(form => form.Accepts(type));

    /// <param name="columns">The columns that there are.</param>
    public ArgumentOutOfRangeException Missing(IEnumerable<string> columns) => new(
        Name, $"The {Role} column '{Name}' is missing; expected {Expected}. The data has: {string.Join(", ", columns.Distinct())}.");

    /// <param name="type">The type that was found.</param>
    public ArgumentOutOfRangeException WrongType(string type) => new(
        Name, $"The {Role} column '{Name}' is {type}; expected {Expected}. {Advice}");
}

/// <summary>Which values of the label describe an output column.</summary>
internal enum LabelAnnotation
{
    /// <summary>None.</summary>
    None,

    /// <summary>They are its key values.</summary>
    KeyValues,

    /// <summary>They name its slots.</summary>
    SlotNames,
}

/// <summary>How many values an output column has.</summary>
internal enum ColumnSize
{
    /// <summary>One.</summary>
    Scalar,

    /// <summary>One per class.</summary>
    PerClass,

    /// <summary>As many as the row has words, answers, entities.</summary>
    PerRow,
}

/// <summary>A column that a task adds, and how its value is read from a row's prediction.</summary>
/// <param name="ValueKind">ML.NET's <c>ScoreValueKind</c>: Score, PredictedLabel or Probability.</param>
internal abstract record OutputColumn(string Name, PrimitiveDataViewType ItemType, ColumnSize Size, bool IsKey, string ValueKind, LabelAnnotation Annotation)
{
    /// <summary>The input column that gives the size of a vector or the number of a key's values; null for none.</summary>
    public string? SizedAs { get; init; }

    /// <param name="prediction">The current row's prediction.</param>
    public abstract Delegate CreateGetter(Func<Prediction> prediction);
}

/// <summary>Reads a column's value from a row's prediction.</summary>
internal delegate void OutputReader<TPrediction, T>(TPrediction prediction, ref T value);

/// <inheritdoc/>
internal sealed record OutputColumn<TPrediction, T>(
    string Name, PrimitiveDataViewType ItemType, ColumnSize Size, bool IsKey, string ValueKind, LabelAnnotation Annotation,
    OutputReader<TPrediction, T> Read)
    : OutputColumn(Name, ItemType, Size, IsKey, ValueKind, Annotation)
    where TPrediction : Prediction
{
    public override Delegate CreateGetter(Func<Prediction> prediction) =>
        (ValueGetter<T>)((ref T value) => Read((TPrediction)prediction(), ref value));
}

/// <summary>Vectors of an output column.</summary>
internal static class OutputVector
{
    public static void CopyTo<T>(this IReadOnlyList<T> items, ref VBuffer<T> value)
    {
        var editor = VBufferEditor.Create(ref value, items.Count);
        for (var i = 0; i < items.Count; i++)
            editor.Values[i] = items[i];
        value = editor.Commit();
    }
}
