using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary>The options that name a task and its columns.</summary>
internal sealed class TaskOptions
{
    private readonly Option<string?> _task = new("--task") { Description = $"One of {ToolTask.Names}; else by the columns", HelpName = "NAME" };
    private readonly Option<string?> _label = new("--label") { Description = "The column to learn; else one that is called like a label", HelpName = "COLUMN" };
    private readonly Option<string[]> _texts = new("--text")
    {
        Description = "The column to read; twice for a pair; else by their names and texts",
        HelpName = "COLUMN",
    };
    private readonly Option<bool> _exact = new("--exact-labels") { Description = "Takes labels as they stand; else spaces around them and other capitals do not count" };

    public TaskOptions() => _task.AcceptOnlyFromAmong([.. ToolTask.All.Select(task => task.Name)]);

    /// <summary>The share of the rows that is held out.</summary>
    public static Option<double> HoldOut(string description)
    {
        var option = new Option<double>("--hold-out") { Description = description, HelpName = "SHARE", DefaultValueFactory = _ => 0.2 };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is var share and not (> 0 and < 1))
                result.AddError(FormattableString.Invariant($"--hold-out is {share}. Expected a share between 0 and 1, such as 0.2."));
        });
        return option;
    }

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
