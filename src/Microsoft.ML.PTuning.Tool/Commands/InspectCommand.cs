using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning inspect</c>: what a model is, how it was trained, and what its prefix does.</summary>
internal sealed class InspectCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The model's zip" };
    private readonly Option<string?> _curves = new("--curves") { Description = "Draws loss and metric by epoch into a file that ends in .png or .svg", HelpName = "FILE" };
    private readonly Option<string?> _data = new("--data") { Description = "Rows on which to measure the share of attention that goes to the prefix", HelpName = "FILE" };
    private readonly Option<string?> _heatMap = new("--heat-map") { Description = "Draws that share by layer and head into a file that ends in .png or .svg", HelpName = "FILE" };
    private readonly DataOptions _reading = new();

    public InspectCommand(ToolConsole console)
        : base("inspect", "Tells what a model is, how it was trained, and what its prefix does.", console)
    {
        Arguments.Add(_model);
        foreach (var option in (Option[])[_curves, _data, _heatMap])
            Options.Add(option);
        _reading.AddTo(Options);
        Validators.Add(result =>
        {
            if (result.GetValue(_heatMap) is not null && result.GetValue(_data) is null)
                result.AddError("--heat-map needs rows to measure on: name them with --data.");
        });
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        using var model = LoadedModel.Load(parsed.GetValue(_model)!);
        var (inner, encoder, summary) = (model.Model, model.Model.Backbone, model.Model.Summary);
        var bytes = new FileInfo(model.Path).Length;
        Console.Say($"task        {model.Task.Name}: reads {string.Join(" and ", model.Reads.Select(name => $"'{name}'"))}, learned '{model.Label}'");
        if (inner.Classes.Count > 0)
            Console.Say($"classes     {inner.Classes.Count}: {string.Join(", ", inner.Classes)}");
        Console.Say($"method      {inner.Method}{(inner.PrefixLength > 0 ? $", {inner.PrefixLength} vectors per layer" : "")}");
        Console.Say(FormattableString.Invariant($"encoder     {encoder.Name} ({encoder.ModelType}): {encoder.Layers} layers, hidden size {encoder.HiddenSize}, {encoder.ParameterCount:N0} weights"));
        Console.Say($"            in {encoder.Directory}");
        Console.Say(FormattableString.Invariant($"file        {bytes / 1024.0:N0} KiB"));
        if (inner.PromptWords.Count > 0)
            Console.Say($"prompt      {string.Join(' ', inner.PromptWords)}");
        if (summary is not null)
            ShowTraining(summary);
        if (parsed.GetValue(_curves) is { } curves)
            (summary ?? throw new DataException($"'{model.Path}' does not tell how it was trained, so there are no curves.")).PlotCurves(curves);

        var report = parsed.GetValue(_data) is { } data ? Report(parsed, model, data, cancellation) : null;
        return new
        {
            model = model.Path,
            task = model.Task.Name,
            reads = model.Reads,
            label = model.Label,
            classes = inner.Classes,
            method = inner.Method,
            prefixLength = inner.PrefixLength,
            promptWords = inner.PromptWords,
            bytes,
            encoder = new { encoder.Name, encoder.ModelType, encoder.Layers, encoder.HiddenSize, encoder.ParameterCount, encoder.FileBytes, encoder.Directory },
            training = summary,
            prefixMass = report is null ? null : new { report.Mass, report.LayerMasses, report.HeadMasses, report.Rows },
        };
    }

    private void ShowTraining(TrainingSummary summary)
    {
        Console.Say(FormattableString.Invariant(
            $"training    {summary.RowsUsed:N0} rows, {summary.TrainedParameters:N0} numbers ({summary.TrainedShare:P1}), {summary.TrainingTime.TotalSeconds:F0} s, seed {summary.Seed}"));
        foreach (var epoch in summary.Epochs)
        {
            var validation = epoch.ValidationMetric is { } metric ? FormattableString.Invariant($", validation {epoch.MetricName} {metric:F3}") : "";
            var best = epoch.Epoch == summary.BestEpoch ? "  <- the model" : "";
            Console.Say(FormattableString.Invariant($"  epoch {epoch.Epoch,3}   loss {epoch.Loss:F3}, training {epoch.MetricName} {epoch.Metric:F3}{validation}{best}"));
        }

        foreach (var warning in summary.Warnings)
            Console.Note(OptionNames.OnCommandLine(warning.ToString()));
    }

    private PrefixReport Report(ParseResult parsed, LoadedModel model, string path, CancellationToken cancellation)
    {
        var table = new DataFile(path, _reading.Read(parsed, Console, cancellation), Console.OpenInput).ReadAll();
        var report = model.Model.ExplainPrefix(model.View(table.Columns, () => table.Rows, table.Name, [], cancellation));
        Console.Say("");
        Console.Say(report.ToString());
        if (parsed.GetValue(_heatMap) is { } heatMap)
            report.PlotHeatMap(heatMap);
        return report;
    }
}
