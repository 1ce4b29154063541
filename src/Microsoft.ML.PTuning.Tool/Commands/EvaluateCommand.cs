using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning evaluate</c>: the metrics of a model on a file of labelled rows.</summary>
internal sealed class EvaluateCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The model's zip" };
    private readonly Argument<string> _data = new("DATA") { Description = "Rows with labels, or - for standard input" };
    private readonly ModelRowOptions _rows = new();
    private readonly DataOptions _reading = new();

    public EvaluateCommand(ToolConsole console)
        : base("evaluate", "Measures a model on a file of labelled rows.", console)
    {
        Arguments.Add(_model);
        Arguments.Add(_data);
        _rows.AddTo(Options);
        _reading.AddTo(Options);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var reading = _reading.Read(parsed, Console, cancellation);
        using var model = LoadedModel.Load(parsed.GetValue(_model)!);
        var rows = _rows.Read(parsed, model, new DataFile(parsed.GetValue(_data)!, reading, Console.OpenInput).ReadAll(), reading);
        if (rows.Table.Rows.Count == 0)
            throw new DataException($"{rows.Table.Name} has no row with a usable label ({reading.Broken.Count} broken ones).");

        var measured = rows.Task.Measure(model.Context, model.Whole.Transform(rows.View()), rows.Columns.Label);
        cancellation.ThrowIfCancellationRequested();
        Console.ShowMetrics($"on {rows.Table.Rows.Count} rows", measured, yardstick: null);
        return new
        {
            model = model.Path,
            task = rows.Task.Name,
            rows = rows.Table.Rows.Count,
            broken = reading.Broken.Count,
            metrics = measured.Metrics.ToDictionary(metric => metric.Name, metric => metric.Value),
            confusions = measured.Confusions is { } confusions ? new { classes = confusions.Classes, counts = confusions.Counts } : null,
        };
    }
}
