using System.CommandLine;
using Microsoft.ML.PTuning.Tool.Data;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary>The options that name a task and its columns.</summary>
internal sealed class TaskOptions
{
    private readonly Option<string?> _task = new("--task") { Description = $"One of {ToolTask.Names}; else by the columns", HelpName = "NAME" };
    private readonly Option<string?> _label = new("--label") { Description = "The column to learn; else one that is called like a label", HelpName = "COLUMN" };
    private readonly Option<string[]> _texts = new("--text")
    {
        Description = "The column to read, or two of them; else by their names and texts",
        HelpName = "COLUMN",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<bool> _exact = new("--exact-labels") { Description = "Takes labels as they stand; else spaces around them and other capitals do not count" };

    public void AddTo(IList<Option> options)
    {
        foreach (var option in (Option[])[_task, _label, _texts, _exact])
            options.Add(option);
    }

    public TrainingRows Read(ParseResult parsed, DataTable table, ReadingOptions reading)
    {
        var (task, columns) = TaskGuess.Of(table, parsed.GetValue(_task), parsed.GetValue(_label), parsed.GetValue(_texts) ?? []);
        return TrainingRows.Of(table, task, columns, reading, isExact: parsed.GetValue(_exact));
    }

    /// <summary>Rows of another file with the same columns.</summary>
    /// <param name="known">The rows whose task and spelling of classes count.</param>
    public TrainingRows ReadAlike(ParseResult parsed, DataTable table, ReadingOptions reading, TrainingRows known) => TrainingRows.Of(
        table, known.Task, known.Columns, reading, [.. known.Classes().Select(entry => entry.Class)], parsed.GetValue(_exact));
}
