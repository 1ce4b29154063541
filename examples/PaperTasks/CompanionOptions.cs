using System.CommandLine;
using System.CommandLine.Parsing;
using PaperTasks.DataSets;
using PaperTasks.Methods;

namespace PaperTasks;

/// <summary>The options that train a prefix on several tasks: MPT-2 of the paper.</summary>
internal static class CompanionOptions
{
    private static readonly Option<IReadOnlyList<(PaperTask Task, string Folder)>?> With = new("--with")
    {
        HelpName = "TASK=DIR",
        Description = "Another task of the same kind and its folder, as for --task and --data. The prefix is trained on all tasks together; "
            + "the rows of --task are judged. Repeatable, or several with ; between them. --limit and --per-class hold for each task",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result => Read(result.Tokens, result.AddError),
    };

    private static readonly Option<int?> Continue = CommandLine.Number(
        "--continue", "Passes over the rows of a task alone, from the prefix that the tasks --with share; none by default", lowest: 1);

    public static IReadOnlyList<Option> All { get; } = [With, Continue];

    /// <summary>Adds what cannot be learned together to the errors of the command line.</summary>
    public static void Check(CommandResult result, PaperTask task)
    {
        if (result.GetResult(With) is not { } with)
        {
            if (result.GetResult(Continue) is not null)
                result.AddError("--continue is for tasks that are trained together. Name another one with --with TASK=DIR.");
            return;
        }

        if (MethodOptions.FindMethod(result) is { } method && method != LibraryMethod.DeepPrefix)
            result.AddError($"--with is for --method {LibraryMethod.DeepPrefix.Name}, not for {method.Name}: a prefix is what the tasks share.");
        foreach ((PaperTask other, _) in Read(with.Tokens, _ => { }))         // what cannot be read is told of elsewhere
        {
            if (other.GetType() != task.GetType())
                result.AddError($"--with {other.Name}: expected a task of the kind of {task.Name}: {CommandLine.Names(known => known.GetType() == task.GetType())}.");
        }
    }

    /// <summary>Reads the rows of the other tasks.</summary>
    /// <param name="reading">How the rows of the main task are read.</param>
    /// <returns>Null where the main task is learned alone.</returns>
    public static SharedTraining? Read(ParseResult arguments, PaperTask task, Reading reading)
    {
        if (arguments.GetValue(With) is not { } requests)
            return null;

        var companions = new List<Companion>();
        foreach ((PaperTask other, string folder) in requests)
        {
            int sameName = companions.Count(companion => companion.Task == other) + (other == task ? 1 : 0);
            string name = sameName == 0 ? other.Name : $"{other.Name} {sameName + 1}";
            // The columns are those of the main task's files.
            Reading ofOther = other == task ? reading : new Reading { Limit = reading.Limit, PerClass = reading.PerClass };
            DataFiles files = DataFiles.Find(other, folder, needsDev: false, option: "--with");
            companions.Add(new Companion(name, other, files.Train, other.ReadTraining(files.Train, ofOther)));
        }
        return new SharedTraining(task.Name, companions, arguments.GetValue(Continue) ?? 0);
    }

    private static IReadOnlyList<(PaperTask Task, string Folder)> Read(IEnumerable<Token> tokens, Action<string> addError)
    {
        var requests = new List<(PaperTask Task, string Folder)>();
        foreach (string text in tokens.SelectMany(token => token.Value.Split(';')))
        {
            int equals = text.IndexOf('=');
            string name = equals < 0 ? "" : text[..equals], folder = text[(equals + 1)..];
            if (name.Length == 0 || folder.Length == 0)
                addError($"--with: expected a task and its folder, such as conll04=DIR; found '{text}'.");
            else if (PaperTask.All.FirstOrDefault(known => known.Name == name) is not { } task)
                addError($"--with: expected one of the tasks of --task, found '{name}'.");
            else
                requests.Add((task, folder));
        }
        return requests;
    }
}
