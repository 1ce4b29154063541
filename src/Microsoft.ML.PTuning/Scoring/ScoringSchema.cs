using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>The columns of the data, followed by those that the task adds.</summary>
internal sealed class ScoringSchema
{
    private readonly PromptTask _task;
    private readonly DataViewSchema.Column[] _read;

    /// <exception cref="ArgumentOutOfRangeException">A column that the task reads is missing or of another type.</exception>
    public ScoringSchema(PromptTask task, DataViewSchema input)
    {
        (_task, Input) = (task, input);
        _read = [.. task.Inputs.Select(column => Find(column, input))];

        var setId = NextSetId(input);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        foreach (var column in task.Outputs)
            builder.AddColumn(column.Name, TypeOf(column), AnnotationsOf(column, setId));
        Output = builder.ToSchema();
    }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>Whether the task adds this column; otherwise it is passed through.</summary>
    public bool IsAdded(int column) => column >= Input.Count;

    /// <summary>The getter of a column of the output.</summary>
    /// <param name="active">Columns of the output that are wanted.</param>
    /// <param name="prediction">The current row's prediction.</param>
    /// <param name="passedThrough">The getter of a column of the input.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column is not among the active ones.</exception>
    /// <exception cref="InvalidOperationException">The column holds values of another type.</exception>
    public ValueGetter<TValue> Getter<TValue>(
        DataViewSchema.Column column, IReadOnlySet<int> active, Func<Prediction> prediction, Func<DataViewSchema.Column, Delegate> passedThrough)
    {
        if (!active.Contains(column.Index))
            throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' was not asked for when this cursor or row was made.");

        var getter = IsAdded(column.Index) ? _task.Outputs[column.Index - Input.Count].CreateGetter(prediction) : passedThrough(Input[column.Index]);
        return getter as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType}, not {typeof(TValue)}.");
    }

    /// <summary>The input columns that these output columns need: those passed through, and the task's inputs if it adds one of them.</summary>
    public IReadOnlyList<DataViewSchema.Column> Needed(IReadOnlyCollection<int> columns) =>
    [
        .. columns.Where(c => !IsAdded(c)).Select(c => Input[c])
            .Concat(columns.Any(IsAdded) ? _read : [])
            .DistinctBy(c => c.Index),
    ];

    /// <exception cref="ArgumentOutOfRangeException">The column is missing or of another type.</exception>
    public static DataViewSchema.Column Find(InputColumn column, DataViewSchema schema)
    {
        var found = schema.GetColumnOrNull(column.Name) ?? throw column.Missing(schema.Select(c => c.Name));
        if (!column.Accepts(found.Type))
            throw column.WrongType(found.Type.ToString()!);
        return found;
    }

    private DataViewType TypeOf(OutputColumn column)
    {
        var size = column.SizedAs is null ? 0 : (Input[column.SizedAs].Type as VectorDataViewType)?.Size ?? 0;
        var item = column.IsKey ? new KeyDataViewType(column.ItemType.RawType, KeyCount(column, size)) : column.ItemType;
        return column.Size switch
        {
            ColumnSize.Scalar => item,
            ColumnSize.PerClass => new VectorDataViewType(item, _task.Classes!.Count),
            _ => new VectorDataViewType(item, size),
        };
    }

    private int KeyCount(OutputColumn column, int size) =>
        column.SizedAs is null ? _task.Classes!.Count : size > 0 ? size : int.MaxValue;

    private DataViewSchema.Annotations AnnotationsOf(OutputColumn column, uint setId)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        AddText(annotations, ScoreAnnotations.ScoreColumnKind, _task.ScoreColumnKind);
        AddText(annotations, ScoreAnnotations.ScoreValueKind, column.ValueKind);
        annotations.Add(ScoreAnnotations.ScoreColumnSetId, new KeyDataViewType(typeof(uint), int.MaxValue), (ref uint value) => value = setId);
        if (column.Annotation == LabelAnnotation.KeyValues)
            _task.Classes!.AddTo(annotations, ScoreAnnotations.KeyValues);
        if (column.Annotation == LabelAnnotation.SlotNames)
        {
            _task.Classes!.AddSlotNames(annotations);
            _task.Classes.AddTo(annotations, ScoreAnnotations.TrainingLabelValues);
        }
        return annotations.ToAnnotations();
    }

    private static void AddText(DataViewSchema.Annotations.Builder annotations, string kind, string text) =>
        annotations.Add(kind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = text.AsMemory());

    // Columns of one scorer share a number that no other scorer of the pipeline has.
    private static uint NextSetId(DataViewSchema schema)
    {
        uint highest = 0;
        foreach (var column in schema)
        {
            if (column.Annotations.Schema.GetColumnOrNull(ScoreAnnotations.ScoreColumnSetId)?.Type is not KeyDataViewType)
                continue;
            uint id = 0;
            column.Annotations.GetValue(ScoreAnnotations.ScoreColumnSetId, ref id);
            highest = Math.Max(highest, id);
        }
        return highest + 1;
    }
}
