using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary>A command: what it prints for people goes to standard error, and its result, with <c>--json</c>, to standard output as an object.</summary>
internal abstract class ToolCommand : System.CommandLine.Command
{
    private readonly Option<bool> _json = new("--json") { Description = "Writes the result as an object of JSON to standard output" };

    protected ToolCommand(string name, string description, ToolConsole console)
        : base(name, description)
    {
        Console = console;
        Options.Add(_json);
        SetAction((parsed, cancellation) => System.Threading.Tasks.Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
    }

    protected ToolConsole Console { get; }

    /// <summary>Whether standard output is to have the result as JSON.</summary>
    protected bool WritesJson(CommandResult result) => result.GetValue(_json);

    /// <returns>The result for <c>--json</c>; null for none.</returns>
    protected abstract object? Execute(ParseResult parsed, CancellationToken cancellation);

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        try
        {
            var result = Execute(parsed, cancellation);
            if (parsed.GetValue(_json) && result is not null)
                Console.WriteJson(result);
            return ExitCode.Done;
        }
        catch (Exception) when (cancellation.IsCancellationRequested) // ML.NET wraps what a row's reading throws.
        {
            return Fail(parsed, "Stopped.", ExitCode.Cancelled);
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Fail(parsed, OptionNames.OnCommandLine(e.Message), ExitCode.Failed);
        }
    }

    private int Fail(ParseResult parsed, string message, int code)
    {
        Console.Refuse(message);
        if (parsed.GetValue(_json))
            Console.WriteJson(new { error = message });
        return code;
    }

    // What data, models, encoders and options can be wrong with. Anything else is a mistake of this program and shows where it was made.
    private static bool IsExpected(Exception e) => e is DataException or IOException or UnauthorizedAccessException or InvalidDataException or FormatException
        or JsonException or HttpRequestException or ArgumentException or InvalidOperationException or NotSupportedException or PlatformNotSupportedException;
}

/// <summary>What the process ends with.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>Data, a model or a training is not as it should be; the message says why.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Stopped by Ctrl+C.</summary>
    public const int Cancelled = 130;
}
