using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning train</c>: a file of rows in; a model, its metrics and a page about it out.</summary>
internal sealed class TrainCommand : ToolCommand
{
    private readonly Argument<string> _data = new("DATA") { Description = "Rows: CSV, TSV, JSON lines, Parquet, CoNLL columns or SQuAD's JSON" };
    private readonly Option<string?> _test = new("--test") { Description = "Rows to measure with; else a share of DATA is held out", HelpName = "FILE" };
    private readonly Option<double> _holdOut = TaskOptions.HoldOut("Share of DATA to measure with, where there is no --test");
    private readonly Option<string?> _validation = new("--validation") { Description = "Rows that choose the best epoch; else the last epoch is the result", HelpName = "FILE" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The model's file; else DATA's name with .zip, in this folder", HelpName = "FILE" };
    private readonly Option<string?> _page = new("--page") { Description = "The page about the training; else the model's name with .html", HelpName = "FILE" };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Shows columns, task and split, and trains nothing" };
    private readonly TaskOptions _task = new();
    private readonly SettingsOptions _settings = new();
    private readonly DataOptions _reading = new();

    public TrainCommand(ToolConsole console)
        : base("train", "Trains a model on a file of rows, measures it, and writes it with a page about it.", console)
    {
        Arguments.Add(_data);
        _task.AddTo(Options);
        foreach (var option in (Option[])[_test, _holdOut, _validation, _output, _page, _dryRun])
            Options.Add(option);
        _settings.AddTo(Options);
        _reading.AddTo(Options);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var reading = _reading.Read(parsed, Console, cancellation);
        if (((string?[])[parsed.GetValue(_data), parsed.GetValue(_test), parsed.GetValue(_validation)]).Count(path => path == DataFile.StandardInput) > 1)
            throw new DataException("Standard input can be read once. Name a file for the other rows.");
        var file = new DataFile(parsed.GetValue(_data)!, reading, Console.OpenInput);
        var table = file.ReadAll();
        if (table.Rows.Count == 0)
            throw new DataException($"{file.Name} has no usable row ({reading.Broken.Count} broken ones).");

        var rows = _task.Read(parsed, table, reading);
        var settings = _settings.Read(parsed);
        var model = parsed.GetValue(_output) ?? Path.GetFileNameWithoutExtension(file.Path == DataFile.StandardInput ? "model" : file.Path) + ".zip";
        var page = parsed.GetValue(_page) ?? Path.ChangeExtension(model, ".html");
        if (!parsed.GetValue(_dryRun))
            OutputFile.Check(model, page, [parsed.GetValue(_data), parsed.GetValue(_test), parsed.GetValue(_validation)]);
        var (training, held, split) = Split(parsed, rows, reading, settings.Seed);
        var validation = parsed.GetValue(_validation) is { } name ? ReadAlike(parsed, name, reading, rows) : null;
        Console.ShowPlan(file, table, rows, split);
        if (training.Rows.Count == 0 || held.Rows.Count == 0)
            throw new DataException($"There are {training.Rows.Count} rows to train with and {held.Rows.Count} to measure with. Expected at least one of each.");
        if (parsed.GetValue(_dryRun))
            return new { task = rows.Task.Name, label = rows.Columns.Label, texts = rows.Columns.Texts, training = training.Rows.Count, held = held.Rows.Count };

        var mlContext = new MLContext(settings.Seed);
        using var trained = TrainingDisplay.Show(
            Console, progress => PipelineTraining.Run(mlContext, rows, training, validation, settings, progress, cancellation));
        cancellation.ThrowIfCancellationRequested();

        var heldRows = rows.View(held);
        ModelFile.Save(mlContext, trained.Chain, heldRows.Schema, model); // First of all: what follows may fail.
        var scored = mlContext.Data.Cache(trained.Chain.Transform(heldRows)); // Metrics and page read them.
        var measured = rows.Task.Measure(mlContext, scored, rows.Columns.Label);
        var yardstick = Yardstick.Measure(rows, training, held, Console.Note);
        Console.Say("");
        Console.ShowMetrics($"on {held.Rows.Count} held-out rows", measured, yardstick);
        foreach (var warning in trained.Model.Summary!.Warnings)
            Console.Note(OptionNames.OnCommandLine(warning.ToString()));

        new ResultsPage
        {
            Title = Path.GetFileNameWithoutExtension(model),
            Data = file.Name,
            Rows = rows,
            Training = training,
            Held = held,
            Trained = trained.Model,
            Measured = measured,
            Yardstick = yardstick,
            Judgements = [.. rows.Task.Judge(scored, held.Rows, rows.Label)],
            ModelBytes = new FileInfo(model).Length,
        }.Write(page);
        Console.Say(FormattableString.Invariant($"model       {model} ({new FileInfo(model).Length / 1024.0:N0} KiB, without the encoder {trained.Model.Backbone.Name})"));
        Console.Say($"page        {page}");
        return Result(model, page, rows, training, held, trained.Model, measured, yardstick, reading.Broken);
    }

    private (DataTable Training, DataTable Held, string Split) Split(ParseResult parsed, TrainingRows rows, ReadingOptions reading, int seed)
    {
        if (parsed.GetValue(_test) is { } test)
        {
            var held = ReadAlike(parsed, test, reading, rows);
            return (rows.Table, held, FormattableString.Invariant($"trains on all {rows.Table.Rows.Count:N0} rows, measures on the {held.Rows.Count:N0} of {held.Name}"));
        }

        var share = parsed.GetValue(_holdOut);
        var (training, measured) = rows.HoldOut(share, seed);
        return (training, measured, FormattableString.Invariant(
            $"trains on {training.Rows.Count:N0} rows, measures on {measured.Rows.Count:N0} that are held out at random ({share:P0}, seed {seed})"));
    }

    private DataTable ReadAlike(ParseResult parsed, string path, ReadingOptions reading, TrainingRows rows) =>
        _task.ReadAlike(parsed, new DataFile(path, reading, Console.OpenInput).ReadAll(), reading, rows).Table;

    private static object Result(
        string model, string page, TrainingRows rows, DataTable training, DataTable held, PTuningV2Transformer trained, Measurement measured,
        Measurement? yardstick, BrokenRows broken) => new
        {
            model,
            page,
            task = rows.Task.Name,
            label = rows.Columns.Label,
            texts = rows.Columns.Texts,
            rows = new { training = training.Rows.Count, held = held.Rows.Count, broken = broken.Count },
            metrics = measured.Metrics.ToDictionary(metric => metric.Name, metric => metric.Value),
            bagOfWords = yardstick?.Metrics.ToDictionary(metric => metric.Name, metric => metric.Value),
            method = trained.Method,
            encoder = trained.Backbone.Name,
            epochs = trained.Summary!.Epochs.Count,
            seconds = trained.Summary.TrainingTime.TotalSeconds,
            trainedParameters = trained.Summary.TrainedParameters,
            warnings = trained.Summary.Warnings.Select(warning => warning.ToString()),
        };
}
