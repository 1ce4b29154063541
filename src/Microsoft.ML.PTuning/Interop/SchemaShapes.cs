using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>A task's columns as ML.NET's schema shapes, which check a pipeline before anything is trained.</summary>
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
        SchemaShape.Column[] labels = [.. task.LabelColumns.Select(column => Find(column, columns))];
        foreach (var column in task.ForLabel(labels[0].ItemType).Outputs)
            columns[column.Name] = ShapeOf(column, ClassTypeOf(task, labels[0]), column.SizedAs is null ? null : columns[column.SizedAs]);
        return new SchemaShape(columns.Values);
    }

    private static SchemaShape.Column Find(InputColumn column, Dictionary<string, SchemaShape.Column> columns)
    {
        if (!columns.TryGetValue(column.Name, out var found))
            throw column.Missing(columns.Keys);
        if (!column.Forms.Any(form =>
            form.IsVector == (found.Kind != SchemaShape.Column.VectorKind.Scalar) && form.IsKey == found.IsKey
            && (form.IsKey || form.ItemType.Equals(found.ItemType))))
            throw column.WrongType($"{found.Kind} {(found.IsKey ? "key " : "")}{found.ItemType}");
        return found;
    }

    // The type of the classes' values; null if they have none, or it is not known yet.
    private static DataViewType? ClassTypeOf(PromptTask task, SchemaShape.Column label) =>
        task.ClassType ?? label.Annotations.FirstOrDefault(a => a.Name == ScoreAnnotations.KeyValues).ItemType;

    private static SchemaShape.Column ShapeOf(OutputColumn column, DataViewType? classType, SchemaShape.Column? sizedAs)
    {
        var annotations = new List<SchemaShape.Column>
        {
            Scalar(ScoreAnnotations.ScoreColumnKind, TextDataViewType.Instance),
            Scalar(ScoreAnnotations.ScoreValueKind, TextDataViewType.Instance),
            Scalar(ScoreAnnotations.ScoreColumnSetId, NumberDataViewType.UInt32, isKey: true),
        };
        if (classType is not null && column.Annotation == LabelAnnotation.KeyValues)
            annotations.Add(Vector(ScoreAnnotations.KeyValues, classType));
        if (classType is not null && column.Annotation == LabelAnnotation.SlotNames)
            annotations.AddRange([
                Vector(ScoreAnnotations.SlotNames, TextDataViewType.Instance),
                Vector(ScoreAnnotations.TrainingLabelValues, classType)]);

        var kind = column.Size switch
        {
            ColumnSize.Scalar => SchemaShape.Column.VectorKind.Scalar,
            ColumnSize.PerClass => SchemaShape.Column.VectorKind.Vector,
            _ => sizedAs?.Kind ?? SchemaShape.Column.VectorKind.VariableVector,
        };
        return new SchemaShape.Column(column.Name, kind, column.ItemType, column.IsKey, new SchemaShape(annotations));
    }

    private static SchemaShape.Column Scalar(string name, DataViewType type, bool isKey = false) =>
        new(name, SchemaShape.Column.VectorKind.Scalar, type, isKey);

    private static SchemaShape.Column Vector(string name, DataViewType type) =>
        new(name, SchemaShape.Column.VectorKind.Vector, type, isKey: false);
}
