using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Microsoft.ML.PTuning.Tool.Commands;
using Microsoft.ML.PTuning.Tool.Output;

namespace Microsoft.ML.PTuning.Tool;

/// <summary>The commands of <c>ptuning</c>. A new one is a file and a line here.</summary>
internal static class PTuningCommandLine
{
    // What is being computed ends before a command that was stopped does.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    public static RootCommand Create(ToolConsole console) => new("Trains, measures and uses P-Tuning v2 models of texts: one encoder, a small file per task.")
    {
        new TrainCommand(console),
        new EvaluateCommand(console),
        new PredictCommand(console),
        new InspectCommand(console),
        new CompareCommand(console),
        new SweepCommand(console),
        new NewCommand(console),
        new ImportCommand(console),
        new ExportCommand(console),
        new DownloadCommand(console),
        new CompletionCommand(console),
    };

    /// <returns>An <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] arguments, ToolConsole console)
    {
        var parsed = Create(console).Parse(arguments);
        if (parsed.Errors.Count == 0 || parsed.Action is not ParseErrorAction)
            return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = s_patience }).ConfigureAwait(false);

        foreach (var error in parsed.Errors)
            console.Refuse(error.Message);
        console.Say($"See '{string.Join(' ', CommandsOf(parsed.CommandResult))} --help'.");
        if (arguments.Contains("--json"))
            console.WriteJson(new { error = string.Join(" ", parsed.Errors.Select(error => error.Message)) });
        return ExitCode.Usage;
    }

    private static IEnumerable<string> CommandsOf(CommandResult command) =>
        command.Parent is CommandResult parent ? [.. CommandsOf(parent), command.Command.Name] : ["ptuning"];
}
