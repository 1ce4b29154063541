using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>The columns of a task.</summary>
/// <param name="Label">What is predicted.</param>
/// <param name="Texts">What is read: a text or two; for answers the context and the question; for choices the text and the column of choices.</param>
internal sealed record TaskColumns(string Label, IReadOnlyList<string> Texts)
{
    public string? SecondText => Texts.Count > 1 ? Texts[1] : null;

    /// <summary>Where an answer begins in its context; for answers only.</summary>
    public string? AnswerStart { get; init; }

    /// <summary>All of them, the label last.</summary>
    public IEnumerable<string> All => AnswerStart is null ? [.. Texts, Label] : [.. Texts, Label, AnswerStart];
}

/// <summary>What a model was measured to do.</summary>
/// <param name="Metrics">Names and values; the first is the one to compare by, and more of it is better.</param>
/// <param name="Table">A table for people, such as the confusions; null for none.</param>
internal sealed record Measurement(IReadOnlyList<(string Name, double Value)> Metrics, string? Table = null)
{
    /// <summary>Per class: its name, then how often rows of it were predicted as each class; null for tasks without classes.</summary>
    public Confusions? Confusions { get; init; }
}

/// <summary>How often rows of a class were predicted as each class.</summary>
/// <param name="Classes">The classes' names.</param>
/// <param name="Counts">Per true class, per predicted class: rows.</param>
internal sealed record Confusions(IReadOnlyList<string> Classes, IReadOnlyList<IReadOnlyList<double>> Counts);

/// <summary>A row as a person checks it.</summary>
/// <param name="Expected">The label, as text.</param>
/// <param name="Predicted">The prediction, as text.</param>
/// <param name="Quality">How right it is, from 0 to 1; for numbers, the negative distance. More is better.</param>
/// <param name="Confidence">The probability of the prediction; null if the task gives none.</param>
internal sealed record Judgement(string Expected, string Predicted, double Quality, double? Confidence);

/// <summary>A task of the command line: its trainer on ML.NET's catalog, its metrics, and how a prediction is judged. One file per task.</summary>
internal abstract class ToolTask
{
    /// <summary>All tasks. A new one is a file and a line here.</summary>
    public static IReadOnlyList<ToolTask> All { get; } =
        [new ClassificationTask(), new BinaryTask(), new MultiLabelTask(), new RegressionTask(), new TagsTask(), new AnswersTask(), new ChoicesTask(),
            new WritingTask()];

    public static string Names => string.Join(", ", All.Select(task => task.Name));

    /// <summary>What <c>--task</c> calls it.</summary>
    public abstract string Name { get; }

    /// <summary>What saved models call it (<see cref="PTuningV2Transformer.Task"/>).</summary>
    public abstract string Kind { get; }

    /// <summary>The type of the label in a row.</summary>
    public abstract CellType LabelType { get; }

    /// <summary>The metric to compare by; more of it is better. It is the first one of <see cref="Measure"/>.</summary>
    public abstract string Metric { get; }

    /// <summary>The type of the text at a place of <see cref="TaskColumns.Texts"/>.</summary>
    public virtual CellType TextType(int place) => CellType.Text;

    /// <summary>How many text columns it reads, at least and at most.</summary>
    public virtual (int Least, int Most) TextCount => (1, 2);

    /// <summary>Whether its labels are names, so that stray spaces and other capitals are mistakes.</summary>
    public virtual bool HasNames => false;

    /// <summary>A label's cell as the task reads it: without stray spaces.</summary>
    /// <param name="isExact">Whether spaces count.</param>
    public virtual object? ReadLabel(object? cell, bool isExact) => cell is string text && !isExact ? text.Trim() : cell;

    /// <summary>What is wrong with a row's label; null if nothing is.</summary>
    /// <param name="row">Its texts, then its label, then where an answer begins.</param>
    /// <param name="label">The place of the label.</param>
    public virtual string? Misfit(DataRow row, int label) => row.Text(label).Length == 0 ? "the label is empty." : null;

    /// <summary>The steps before the trainer, which turn the label into what it reads; null for none.</summary>
    /// <param name="classes">The classes in their order; null to find them in the rows.</param>
    public virtual IEstimator<ITransformer>? Before(MLContext mlContext, TaskColumns columns, IReadOnlyList<string>? classes = null) => null;

    /// <summary>The options of the trainer, with the columns and with all else as by default.</summary>
    public abstract PTuningV2Trainer.Options Options(TaskColumns columns);

    public abstract PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options);

    /// <summary>The steps behind the trainer, which turn keys into names; null for none.</summary>
    public virtual IEstimator<ITransformer>? Behind(MLContext mlContext) => null;

    /// <summary>Measures scored rows.</summary>
    /// <param name="scored">Rows behind the whole pipeline.</param>
    public abstract Measurement Measure(MLContext mlContext, IDataView scored, string label);

    /// <summary>What <see cref="Judgement.Quality"/> is of a row; its mean is a metric.</summary>
    public virtual string Quality => "accuracy";

    /// <summary>Judges scored rows, in their order.</summary>
    /// <param name="scored">Rows behind the whole pipeline.</param>
    /// <param name="rows">The same rows as they stand in the file.</param>
    /// <param name="label">The place of the label in them.</param>
    public abstract IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label);

    /// <exception cref="DataException">The task reads fewer text columns, or more.</exception>
    public void RequireTexts(int count)
    {
        var (least, most) = TextCount;
        if (count < least || count > most)
            throw new DataException($"The task {Name} reads {(least == most ? $"{least}" : $"{least} to {most}")} text columns, found {count}. Name them with --text.");
    }

    /// <exception cref="DataException">There is no such task.</exception>
    public static ToolTask Named(string name) => All.FirstOrDefault(task => task.Name == name)
        ?? throw new DataException($"There is no task '{name}'. Expected one of {Names}.");

    /// <exception cref="DataException">This tool does not know the model's task.</exception>
    public static ToolTask Of(PTuningV2Transformer model) => All.FirstOrDefault(task => task.Kind == model.Task)
        ?? throw new DataException($"The model's task, '{model.Task}', is not one of this tool: {string.Join(", ", All.Select(task => task.Kind))}.");

    /// <summary>Makes keys of a column of names.</summary>
    protected static IEstimator<ITransformer> Keys(MLContext mlContext, string column, IReadOnlyList<string>? classes) =>
        mlContext.Transforms.Conversion.MapValueToKey(
            column, column, keyData: classes is null ? null : mlContext.Data.LoadFromEnumerable(classes.Select(name => new ClassName { Name = name })));

    /// <summary>Reads a column of text per row.</summary>
    protected static IEnumerable<string> Texts(IDataView scored, string column) =>
        scored.GetColumn<ReadOnlyMemory<char>>(column).Select(text => text.ToString());

    private sealed class ClassName
    {
        public string Name { get; set; } = "";
    }
}
