using System.CommandLine;
using System.Text;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary>The options of every command that reads rows.</summary>
internal sealed class DataOptions
{
    private readonly Option<string?> _format = new("--format") { Description = $"Format of the data: {DataFormats.Names}; else by the file's name", HelpName = "NAME" };
    private readonly Option<string?> _separator = new("--separator") { Description = "What separates fields; else found out from the first line", HelpName = "TEXT" };
    private readonly Option<bool> _noHeader = new("--no-header") { Description = "The first line is a row; columns are called Column1, Column2, ..." };
    private readonly Option<string?> _encoding = new("--encoding") { Description = "Encoding of text files; else by the byte order mark, else UTF-16 or UTF-8", HelpName = "NAME" };
    private readonly Option<bool> _strict = new("--strict") { Description = "Refuses a file with a broken row; else such rows are reported, left out and counted" };
    private readonly Option<string[]> _choices = new("--choices")
    {
        Description = "Columns with the choices, for the task choices; their list is the column 'choices'",
        HelpName = "COLUMN",
        AllowMultipleArgumentsPerToken = true,
    };

    public DataOptions()
    {
        _format.AcceptOnlyFromAmong([.. DataFormats.All.Select(format => format.Name)]);
        _separator.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: "" }])
                result.AddError("--separator is empty. Expected a text such as ';'.");
        });
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        _encoding.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && FindEncoding(token.Value) is null)
                result.AddError($"There is no encoding '{token.Value}'. Expected a name such as utf-8, utf-16 or windows-1252.");
        });
    }

    public void AddTo(IList<Option> options)
    {
        foreach (var option in (Option[])[_format, _separator, _noHeader, _encoding, _strict, _choices])
            options.Add(option);
    }

    public ReadingOptions Read(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        return new ReadingOptions
        {
            Format = parsed.GetValue(_format),
            Separator = parsed.GetValue(_separator) is { } separator ? separator.Replace("\\t", "\t", StringComparison.Ordinal) : null,
            HasHeader = !parsed.GetValue(_noHeader),
            Encoding = parsed.GetValue(_encoding) is { } name ? FindEncoding(name) : null,
            Choices = parsed.GetValue(_choices) ?? [],
            Broken = new BrokenRows(parsed.GetValue(_strict)) { Tell = line => console.Note(line) },
            Note = console.Note,
            Cancellation = cancellation,
        };
    }

    private static Encoding? FindEncoding(string name)
    {
        try
        {
            return Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
