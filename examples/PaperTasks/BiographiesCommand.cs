using System.CommandLine;
using PaperTasks.DataSets;

namespace PaperTasks;

/// <summary>The subcommand <c>biographies</c>: writes a data set of our own for the task <c>e2e</c>.</summary>
internal static class BiographiesCommand
{
    private static readonly Option<string> Output = new("--out") { Required = true, HelpName = "DIR", Description = "The folder to write" };
    private static readonly Option<int?> Rows = CommandLine.Number("--rows", "Training rows; 1000 where none are named", lowest: 1);
    private static readonly Option<int?> DevRows = CommandLine.Number("--dev-rows", "Development rows; 200 where none are named", lowest: 1);
    private static readonly Option<int> Seed = new("--seed") { HelpName = "N", DefaultValueFactory = _ => Settings.DefaultSeed, Description = "Of the lives" };

    public static Command Create()
    {
        var command = new Command("biographies", "Writes lives that nobody lived, and texts that tell them, in the files of the task e2e.")
        {
            Output, Rows, DevRows, Seed,
        };
        command.SetAction((arguments, _) => CommandLine.Try(() =>
        {
            DataFiles files = Biographies.Write(
                arguments.GetRequiredValue(Output)!, arguments.GetValue(Rows) ?? 1000, arguments.GetValue(DevRows) ?? 200, arguments.GetValue(Seed));
            Console.WriteLine($"Written: {files.Train} and {files.Dev}");
            return Task.FromResult(0);
        }));
        return command;
    }
}
