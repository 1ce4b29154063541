using System.CommandLine;
using Microsoft.ML.PTuning.Tool.Data;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;
using WholeFile = Microsoft.ML.PTuning.Tool.Output.WholeFile;

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
    private readonly Option<string[]> _texts = new("--text")
    {
        Description = "The file's columns to read, in the model's order; else those with the model's names",
        HelpName = "COLUMN",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<bool> _only = new("--only-predictions") { Description = "Leaves out the file's own columns" };
    private readonly DataOptions _reading = new();

    public PredictCommand(ToolConsole console)
        : base("predict", "Predicts the rows of a file, or of standard input.", console)
    {
        Arguments.Add(_model);
        Arguments.Add(_data);
        foreach (var option in (Option[])[_output, _outputFormat, _texts, _only])
            Options.Add(option);
        _reading.AddTo(Options);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var reading = _reading.Read(parsed, Console);
        var file = new DataFile(parsed.GetValue(_data)!, reading, Console.OpenInput);
        using var model = LoadedModel.Load(parsed.GetValue(_model)!);
        var output = parsed.GetValue(_output);
        var format = parsed.GetValue(_outputFormat) ?? (output is null ? FormatLike(file) : Path.GetExtension(output).TrimStart('.').ToLowerInvariant());

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
                return Write(model, reader, file.Name, parsed, format, stream, cancellation);
        }
    }

    private long Write(
        LoadedModel model, IRowReader reader, string file, ParseResult parsed, string format, Stream stream, CancellationToken cancellation)
    {
        // The cursor reads ahead: rows wait here until their predictions are there.
        var waiting = new Queue<DataRow>();
        var view = model.View(reader.Columns, () => Remembered(reader.Rows(), waiting), file, parsed.GetValue(_texts) ?? []);
        var scored = model.Whole.Transform(view);
        var columns = model.Outputs.Select(name => scored.Schema[name]).ToList();
        using var cursor = scored.GetRowCursor(columns);
        var own = parsed.GetValue(_only) ? [] : reader.Columns;
        using var writer = PredictionWriter.Create(format, stream, own, [.. columns.Select(column => PredictedColumn.Of(cursor, column))]);
        long count = 0;
        while (cursor.MoveNext())
        {
            writer.Write(waiting.Dequeue());
            if (++count % 256 == 0)
                cancellation.ThrowIfCancellationRequested();
        }

        return count;
    }

    private static IEnumerable<DataRow> Remembered(IEnumerable<DataRow> rows, Queue<DataRow> waiting)
    {
        foreach (var row in rows)
        {
            waiting.Enqueue(row);
            yield return row;
        }
    }

    private static string FormatLike(DataFile file) => file.Format is "csv" or "tsv" ? file.Format : "jsonl";
}
