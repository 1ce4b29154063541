using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A column that a task reads. All of them are scalars.</summary>
/// <param name="Name">Its name in the data.</param>
/// <param name="Role">What the task uses it for, as an error message says it.</param>
/// <param name="ItemType">The type of its values; UInt32 for keys.</param>
/// <param name="IsKey">Whether it must be a key.</param>
/// <param name="Advice">What to do where it is of another type.</param>
internal sealed record InputColumn(string Name, string Role, PrimitiveDataViewType ItemType, bool IsKey, string Advice)
{
    public static InputColumn Text(string name, string role) =>
        new(name, role, TextDataViewType.Instance, IsKey: false, "Name a text column, or turn this one into text (Transforms.Conversion.ConvertType).");

    private string Expected => IsKey ? "a key (UInt32)" : $"a scalar {ItemType}";

    public bool Accepts(DataViewType type) =>
        IsKey ? type is KeyDataViewType && type.RawType == ItemType.RawType : type.Equals(ItemType);

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

/// <summary>A column that a task adds, and how its value follows from a row's decoded outputs.</summary>
/// <param name="ValueKind">ML.NET's <c>ScoreValueKind</c>: Score, PredictedLabel or Probability.</param>
internal abstract record OutputColumn(string Name, PrimitiveDataViewType ItemType, bool IsVector, bool IsKey, string ValueKind, LabelAnnotation Annotation)
{
    /// <param name="outputs">The current row's outputs as <see cref="PromptTask.Decode"/> gives them.</param>
    public abstract Delegate CreateGetter(Func<float[]> outputs);
}

/// <summary>Reads a column's value from a row's decoded outputs.</summary>
internal delegate void OutputReader<T>(float[] outputs, ref T value);

/// <inheritdoc/>
internal sealed record OutputColumn<T>(
    string Name, PrimitiveDataViewType ItemType, bool IsVector, bool IsKey, string ValueKind, LabelAnnotation Annotation, OutputReader<T> Read)
    : OutputColumn(Name, ItemType, IsVector, IsKey, ValueKind, Annotation)
{
    public override Delegate CreateGetter(Func<float[]> outputs) =>
        (ValueGetter<T>)((ref T value) => Read(outputs(), ref value));
}
