using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning predict</c>: rows in, the same rows with predictions out, as a stream: a file of any size needs the same memory.</summary>
internal sealed class PredictCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The model's zip" };
    private readonly Argument<string> _data = new("DATA") { Description = "Rows, or - for standard input", DefaultValueFactory = _ => DataFile.StandardInput };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The file to write; else standard output", HelpName = "FILE" };
    private readonly Option<string?> _outputFormat = new("--output-format")
    {
        Description = $"How predictions are written: {PredictionWriter.Formats}; else by the file's name, else as they are read",
        HelpName = "NAME",
    };
    private readonly Option<string[]> _texts = ModelRowOptions.Texts();
    private readonly Option<bool> _only = new("--only-predictions") { Description = "Leaves out the file's own columns" };
    private readonly Option<BackbonePrecision?> _precision = new("--precision")
    {
        Description = $"Precision of the encoder: {string.Join(", ", Enum.GetNames<BackbonePrecision>())}; else Float32. Auto is BFloat16 where it is native",
        HelpName = "NAME",
    };
    private readonly DataOptions _reading = new();

    public PredictCommand(ToolConsole console)
        : base("predict", "Predicts the rows of a file, or of standard input.", console)
    {
        Arguments.Add(_model);
        Arguments.Add(_data);
        foreach (var option in (Option[])[_output, _outputFormat, _texts, _only, _precision])
            Options.Add(option);
        _reading.AddTo(Options);
        _outputFormat.AcceptOnlyFromAmong(PredictionWriter.Formats.Split(", "));
        Validators.Add(result =>
        {
            if (WritesJson(result) && result.GetValue(_output) is null)
                result.AddError("--json needs --output here: without it, standard output has the predictions. For these as JSON, use --output-format jsonl.");
        });
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var reading = _reading.Read(parsed, Console, cancellation) with { KeepsSource = true };
        using var model = LoadedModel.Load(parsed.GetValue(_model)!, parsed.GetValue(_precision));
        var file = new DataFile(parsed.GetValue(_data)!, reading, Console.OpenInput);
        var output = parsed.GetValue(_output);
        var format = parsed.GetValue(_outputFormat) ?? (output is null ? FormatLike(file) : Path.GetExtension(output).TrimStart('.').ToLowerInvariant());

        if (output is not null)
            OutputFile.RequireApart([output, file.Path, model.Path]);
        long count = 0;
        if (output is null)
            count = Predict(Console.OpenOutput());
        else
            WholeFile.Write(output, temporary => count = Predict(File.Create(temporary)));
        Console.Say(FormattableString.Invariant($"{count:N0} rows predicted, {reading.Broken.Count:N0} broken rows left out."));
        return output is null ? null : new { model = model.Path, output, rows = count, broken = reading.Broken.Count };

        long Predict(Stream stream)
        {
            using (stream)
            using (var reader = file.Open())
            {
                var own = parsed.GetValue(_only) ? [] : RowScoring.Own(reader.Columns, model, file.Name, Console.Note);
                var predicted = RowScoring.Write(model, reader, file.Name, parsed.GetValue(_texts) ?? [], format, own, stream, cancellation);
                return predicted > 0 || reading.Broken.Count == 0 ? predicted : throw new DataException($"All {reading.Broken.Count} rows of {file.Name} are broken.");
            }
        }
    }

    private static string FormatLike(DataFile file) => file.Format is "csv" or "tsv" ? file.Format : "jsonl";
}
