using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Where a command reads and writes: results to standard output, all else to standard error.</summary>
internal sealed class ToolConsole
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new FiniteNumber() },
    };

    private readonly TextWriter _error;

    /// <param name="input">Opens standard input.</param>
    /// <param name="output">Opens standard output.</param>
    /// <param name="error">Standard error.</param>
    public ToolConsole(Func<Stream> input, Func<Stream> output, TextWriter error, bool isInteractive)
    {
        (OpenInput, OpenOutput, _error, IsInteractive) = (input, output, error, isInteractive);
        Messages = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(error),
            Ansi = isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = isInteractive ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isInteractive)
            Messages.Profile.Width = 100;
    }

    public Func<Stream> OpenInput { get; }

    public Func<Stream> OpenOutput { get; }

    /// <summary>Whether a person watches standard error.</summary>
    public bool IsInteractive { get; }

    /// <summary>For people: plans, progress, tables. Goes to standard error, so that standard output has nothing but results.</summary>
    public IAnsiConsole Messages { get; }

    /// <summary>The process of the command line.</summary>
    public static ToolConsole OfProcess() =>
        new(Console.OpenStandardInput, Console.OpenStandardOutput, Console.Error, !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("CI") is null);

    /// <summary>A line for people.</summary>
    public void Say(string line) => _error.WriteLine(line);

    /// <summary>A note about the data, for people.</summary>
    public void Note(string line) => Say("note", "yellow", line);

    /// <summary>Why the command ends without a result, for people.</summary>
    public void Refuse(string message) => Say("error", "red", message);

    /// <summary>The result as an object of JSON, on standard output.</summary>
    public void WriteJson(object result)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(result, s_json);
        using var output = OpenOutput();
        output.Write(json);
        output.WriteByte((byte)'\n');
    }

    /// <summary>A line of the result, on standard output.</summary>
    public void WriteResult(string text)
    {
        using var output = new StreamWriter(OpenOutput());
        output.WriteLine(text);
    }

    // Without wrapping: what is no table is as long as it is.
    private void Say(string kind, string colour, string line)
    {
        Messages.Markup($"[{colour}]{kind}[/] ");
        _error.WriteLine(line);
    }

    /// <summary>JSON has no NaN and no infinity: they are null.</summary>
    private sealed class FiniteNumber : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }
    }
}
