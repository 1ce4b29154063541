using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning compare</c>: two models on the same rows, and whether their difference may be chance.</summary>
internal sealed class CompareCommand : ToolCommand
{
    private readonly Argument<string> _first = new("MODEL") { Description = "A model's zip" };
    private readonly Argument<string> _second = new("OTHER") { Description = "The zip of another model of the same task" };
    private readonly Argument<string> _data = new("DATA") { Description = "Rows with labels that neither was trained on" };
    private readonly Option<int> _seed = new("--seed") { Description = "Seed of the resampled rows", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly ModelRowOptions _rows = new();
    private readonly DataOptions _reading = new();

    public CompareCommand(ToolConsole console)
        : base("compare", "Compares two models on the same rows, and tells whether the difference may be chance.", console)
    {
        foreach (var argument in (Argument[])[_first, _second, _data])
            Arguments.Add(argument);
        Options.Add(_seed);
        _rows.AddTo(Options);
        _reading.AddTo(Options);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var reading = _reading.Read(parsed, Console, cancellation);
        var file = new DataFile(parsed.GetValue(_data)!, reading, Console.OpenInput);
        var table = file.ReadAll();
        var (first, task) = Qualities(parsed, parsed.GetValue(_first)!, table, reading);
        var (second, other) = Qualities(parsed, parsed.GetValue(_second)!, table, reading);
        if (task != other)
            throw new DataException($"The models have different tasks: {task.Name} and {other.Name}. Compare models of one task.");
        if (first.Count != second.Count || first.Count == 0)
            throw new DataException($"The models can be judged on {first.Count} and {second.Count} rows of {file.Name}. Expected the same rows, at least one.");
        cancellation.ThrowIfCancellationRequested();

        var test = PairedTest.Of([.. first.Values], [.. second.Values], parsed.GetValue(_seed));
        Console.Say(FormattableString.Invariant($"{task.Quality} on {first.Count:N0} rows: {first.Values.Average():F4} and {second.Values.Average():F4}"));
        Console.Say(FormattableString.Invariant($"difference  {test.Difference:+0.0000;-0.0000}, 95 % interval {test.Low:+0.0000;-0.0000} to {test.High:+0.0000;-0.0000} (rows resampled {PairedTest.Resamples:N0} times)"));
        if (test.McNemar is { } p)
            Console.Say(FormattableString.Invariant($"McNemar     only the first is right on {test.OnlyFirst} rows, only the second on {test.OnlySecond}; exact p = {p:G3}"));
        return new
        {
            task = task.Name,
            quality = task.Quality,
            rows = first.Count,
            first = first.Values.Average(),
            second = second.Values.Average(),
            test.Difference,
            interval = new[] { test.Low, test.High },
            test.OnlyFirst,
            test.OnlySecond,
            mcNemar = test.McNemar,
        };
    }

    private (Dictionary<long, double> ByLine, ToolTask Task) Qualities(ParseResult parsed, string path, DataTable table, ReadingOptions reading)
    {
        using var model = LoadedModel.Load(path);
        var rows = _rows.Read(parsed, model, table, reading);
        var judged = rows.Task.Judge(model.Whole.Transform(rows.View()), rows.Table.Rows, rows.Label);
        return (rows.Table.Rows.Zip(judged).ToDictionary(row => row.First.Line, row => row.Second.Quality), rows.Task);
    }
}
