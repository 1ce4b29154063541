using System.CommandLine;
using System.CommandLine.Parsing;

namespace PaperTasks.Sweeps;

/// <summary>The subcommand <c>sweep</c>: runs every point of a file, and reports.</summary>
internal static class SweepCommand
{
    private static readonly Argument<string> File = new("FILE") { Description = "What to run and to report, as JSON; docs/sweeps.md has the format" };

    private static readonly Option<string?> Results = new("--results")
    {
        HelpName = "FILE",
        Description = "The results, a line per finished point; NAME.results.jsonl in the current folder where none is named. "
            + "Points that it has are not run again",
    };

    private static readonly Option<int> Processes = new("--processes")
    {
        HelpName = "N",
        DefaultValueFactory = _ => 1,
        Description = "Points that run side by side",
    };

    private static readonly Option<int?> Cores = new("--cores")
    {
        HelpName = "N",
        Description = "Cores per point; else those of the machine, divided by --processes. The same number gives the same bits",
    };

    private static readonly Option<int?> Gpu = CommandLine.Number(
        "--gpu", "The CUDA device that all points compute on, from 0; else the CPU", lowest: 0);

    private static readonly Option<string?> Data = new("--data")
    {
        HelpName = "DIR",
        Description = "Folder from which the paths in FILE count; else the current folder",
    };

    private static readonly Option<bool> ReportOnly = new("--report") { Description = "Runs nothing: writes tables and figures of the results that there are" };

    public static Command Create(RootCommand root)
    {
        var command = new Command("sweep", "Runs the program for every point of a grid, goes on where it was stopped, and writes tables and figures.")
        {
            File, Data, Results, Processes, Cores, Gpu, ReportOnly,
        };
        command.Validators.Add(result =>
        {
            CheckPositive(result, Processes.Name, result.GetResult(Processes)?.Tokens);
            CheckPositive(result, Cores.Name, result.GetResult(Cores)?.Tokens);
        });
        command.SetAction((arguments, cancellationToken) => CommandLine.Try(() => Run(root, arguments, cancellationToken)));
        return command;
    }

    private static void CheckPositive(CommandResult result, string option, IReadOnlyList<Token>? tokens)
    {
        if (tokens is [var token] && int.TryParse(token.Value, out int number) && number < 1)
            result.AddError($"{option}: expected 1 or more, found {number}.");
    }

    private static async Task<int> Run(RootCommand root, ParseResult arguments, CancellationToken cancellationToken)
    {
        SweepFile file = SweepFile.Read(arguments.GetRequiredValue(File));
        string path = Path.GetFullPath(arguments.GetValue(Results) ?? $"{file.Name}.results.jsonl");
        Check(root, arguments.GetRequiredValue(File), file);
        if (arguments.GetValue(ReportOnly))
        {
            using SweepResults known = SweepResults.Read(path);
            Report(file, new SweepPlan(file.Grids, known), known, path);
            return 0;
        }

        string data = Path.GetFullPath(arguments.GetValue(Data) ?? ".");
        if (!Directory.Exists(data))
            throw new DirectoryNotFoundException($"The folder '{data}' given by --data does not exist.");

        int processes = arguments.GetValue(Processes);
        int cores = arguments.GetValue(Cores) ?? Math.Max(1, Environment.ProcessorCount / processes);
        var process = new PointProcess(cores, data, arguments.GetValue(Gpu));
        using SweepResults results = SweepResults.Open(path);
        if (results.WasRepaired)
            Console.WriteLine($"{path}: the last line was cut short, and is removed.");

        var plan = new SweepPlan(file.Grids, results);
        IReadOnlyList<string> varied = SweepPlan.VariedOptions(file.Grids);
        await new SweepDisplay(varied).Show(plan, results, process.Run, processes, cancellationToken);
        Report(file, plan, results, path);
        return TellFailures(plan, results, varied);
    }

    /// <summary>Refuses points that the command line would refuse, and reports that mix what is not alike, before anything runs.</summary>
    /// <exception cref="FormatException">There are such.</exception>
    internal static void Check(RootCommand root, string path, SweepFile file)
    {
        for (int i = 0; i < file.Grids.Count; i++)
        {
            foreach (Point point in file.Grids[i].Possible())
            {
                if (root.Parse([.. point.Arguments]).Errors is [var error, ..])
                    throw new FormatException($"{path}: grids[{i}] has a point that the program refuses: {string.Join(' ', point.Arguments)}. {error.Message}");
            }
        }

        try
        {
            SweepReport.Check(file);
        }
        catch (FormatException problem)
        {
            throw new FormatException($"{path}: {problem.Message}", problem);
        }
    }

    private static void Report(SweepFile file, SweepPlan plan, SweepResults results, string path)
    {
        string report = new SweepReport(file, plan, results).Write(path);
        Console.WriteLine(System.IO.File.ReadAllText(report));
        Console.WriteLine($"The results are in {path}, tables and figures in {report}.");
    }

    private static int TellFailures(SweepPlan plan, SweepResults results, IReadOnlyList<string> varied)
    {
        foreach (PointResult failed in results.Failed)
            Console.Error.WriteLine($"{failed.Point.Describe(varied)}: {failed.Error}");
        if (plan.Open > 0)
            Console.Error.WriteLine($"{plan.Open} points did not run, because no value could be chosen for them.");
        if (!results.Failed.Any())
            return 0;

        Console.Error.WriteLine($"{results.Failed.Count()} points failed. The same command runs them again.");
        return 1;
    }
}
