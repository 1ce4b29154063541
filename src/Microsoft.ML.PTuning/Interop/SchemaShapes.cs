using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>A task's columns as ML.NET's schema shapes, by which a pipeline is checked before anything is trained.</summary>
internal static class SchemaShapes
{
    /// <summary>The shape of data.</summary>
    public static SchemaShape Of(DataViewSchema schema) => SchemaShape.Create(schema);

    /// <summary>Checks the columns that training reads, and adds those that the task adds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public static SchemaShape Append(SchemaShape input, PromptTask task)
    {
        var columns = input.ToDictionary(c => c.Name);
        foreach (var column in task.Inputs)
            Find(column, columns);
        var label = Find(task.Label, columns);
        foreach (var column in task.Outputs)
            columns[column.Name] = ShapeOf(column, label);
        return new SchemaShape(columns.Values);
    }

    private static SchemaShape.Column Find(InputColumn column, Dictionary<string, SchemaShape.Column> columns)
    {
        if (!columns.TryGetValue(column.Name, out var found))
            throw column.Missing(columns.Keys);
        if (found.Kind != SchemaShape.Column.VectorKind.Scalar || found.IsKey != column.IsKey || !found.ItemType.Equals(column.ItemType))
            throw column.WrongType($"{found.Kind} {(found.IsKey ? "key " : "")}{found.ItemType}");
        return found;
    }

    private static SchemaShape.Column ShapeOf(OutputColumn column, SchemaShape.Column label)
    {
        var annotations = new List<SchemaShape.Column>
        {
            Scalar(ScoreAnnotations.ScoreColumnKind, TextDataViewType.Instance),
            Scalar(ScoreAnnotations.ScoreValueKind, TextDataViewType.Instance),
            Scalar(ScoreAnnotations.ScoreColumnSetId, NumberDataViewType.UInt32, isKey: true),
        };
        if (column.Annotation != LabelAnnotation.None
            && label.Annotations.FirstOrDefault(a => a.Name == ScoreAnnotations.KeyValues) is { Name: not null } values)
        {
            if (column.Annotation == LabelAnnotation.KeyValues)
                annotations.Add(values);
            else
                annotations.AddRange([
                    Vector(ScoreAnnotations.SlotNames, TextDataViewType.Instance),
                    Vector(ScoreAnnotations.TrainingLabelValues, values.ItemType)]);
        }

        var kind = column.IsVector ? SchemaShape.Column.VectorKind.Vector : SchemaShape.Column.VectorKind.Scalar;
        return new SchemaShape.Column(column.Name, kind, column.ItemType, column.IsKey, new SchemaShape(annotations));
    }

    private static SchemaShape.Column Scalar(string name, DataViewType type, bool isKey = false) =>
        new(name, SchemaShape.Column.VectorKind.Scalar, type, isKey);

    private static SchemaShape.Column Vector(string name, DataViewType type) =>
        new(name, SchemaShape.Column.VectorKind.Vector, type, isKey: false);
}
