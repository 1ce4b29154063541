using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Examples;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks;

/// <summary>The options of the program, and what it does with them.</summary>
internal static class CommandLine
{
    private static readonly Option<string> TaskName = new("--task")
    {
        Required = true,
        Description = "The data set. Files of your own: 'tsv', 'text TAB [text TAB] label' without a header; labels that are numbers, one at least "
            + "with a decimal point, make it a regression. 'ner', a word and its tag a line, an empty line between sentences. "
            + "'srl', predicates and their arguments: the columns of CoNLL-2005 and CoNLL-2012 with a bracket column a predicate, "
            + "lines of a predicate's index, words, |||, tags, or .jsonl lines of words and frames (pred, tags)",
    };

    private static readonly Option<string?> Data = new("--data")
    {
        HelpName = "DIR",
        Description = "Folder with the files under their published names, else train.* beside dev.* or val.*",
    };

    private static readonly Option<string?> Train = new("--train") { HelpName = "FILE", Description = "Training file; with --dev, instead of --data" };

    private static readonly Option<string?> Dev = new("--dev")
    {
        HelpName = "FILE",
        Description = "Development file. As in the paper it both chooses the epoch and gives the metrics",
    };

    private static readonly Option<int?> TokenColumn = Number("--token-column", "Column of the words, from 0, in a file with a word a line; else the layout's own", lowest: 0);
    private static readonly Option<int?> LabelColumn = Number("--label-column", "Column of the tags; else the layout's own, or the last one", lowest: 0);

    private static readonly Option<string?> Backbone = new("--backbone")
    {
        HelpName = "DIR",
        Description = "Folder of a Hugging Face encoder of any family that the library knows; the small default encoder where none is named",
    };

    private static readonly Option<string> Method = new("--method")
    {
        DefaultValueFactory = _ => Settings.PTuning,
        Description = "'linear-probe' trains the same head without a prefix; the options of the prefix mean nothing to it",
    };

    private static readonly Option<int?> PrefixLength = Number("--prefix-length", "Trained vectors a layer", lowest: 1);
    private static readonly Option<int?> PrefixLayers = Number("--prefix-layers", "Prefix in the last k layers only; 0 for all", lowest: 0);

    private static readonly Option<bool?> Projection = new("--projection")
    {
        Description = "Trains the prefix through a two-layer network (reparameterisation); 'false' where a script does and you would not",
    };

    private static readonly Option<int?> Template = new("--template")
    {
        HelpName = "0|1",
        Description = "The official code's wording of wic and wsc. wic: 0 one text that ends in the question, 1 'WORD: sentence' twice; "
            + "wsc: 0 'PRONOUN: text', 1 stars about the pronoun",
    };

    private static readonly Option<double?> LearningRate = Number("--learning-rate", "Highest learning rate; it falls linearly to 0", lowest: double.Epsilon);
    private static readonly Option<int?> Epochs = Number("--epochs", "Passes over the training rows; the best one's weights are kept", lowest: 1);
    private static readonly Option<int?> BatchSize = Number("--batch-size", "Rows a step", lowest: 1);
    private static readonly Option<int?> MaxLength = Number("--max-length", "Tokens of a row, the rest is cut off", lowest: 1);

    private static readonly Option<string?> Offset = new("--position-offset")
    {
        Description = "'prefix': the text's positions begin after the prefix, as in the official code; 'none': at 0",
    };

    private static readonly Option<bool> PadToMax = new("--pad-to-max")
    {
        Description = "Pads every row to --max-length, as the official scripts do; slower",
    };

    private static readonly Option<int[]> Seed = new("--seed") { HelpName = "N", Description = "Repeatable: a training for each" };
    private static readonly Option<int?> Limit = Number(
        "--limit", "Takes the first N training rows (sentences, predicates; of multirc and record, questions)", lowest: 1);

    private static readonly Option<int?> DevLimit = Number("--dev-limit", "The same of the development rows", lowest: 1);
    private static readonly Option<string?> Save = new("--save") { HelpName = "FILE", Description = "Saves the first seed's model for mlContext.Model.Load" };
    private static readonly Option<string?> Json = new("--json") { HelpName = "FILE", Description = "Writes the results as JSON" };

    public static RootCommand Create()
    {
        TaskName.AcceptOnlyFromAmong([.. PaperTask.All.Select(task => task.Name)]);
        Method.AcceptOnlyFromAmong(Settings.PTuning, Settings.LinearProbe);
        Offset.AcceptOnlyFromAmong("prefix", "none");
        Template.AcceptOnlyFromAmong("0", "1");

        var command = new RootCommand(
            "P-Tuning v2 on the tasks of the paper. What the command line leaves open is taken from the official script "
            + "for the task and backbone where there is one, else from the library's defaults.");
        foreach (Option option in (Option[])[
            TaskName, Data, Train, Dev, Template, TokenColumn, LabelColumn, Backbone, Method, PrefixLength, PrefixLayers, Projection,
            LearningRate, Epochs, BatchSize, MaxLength, Offset, PadToMax, Seed, Limit, DevLimit, Save, Json])
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            bool folder = result.GetValue(Data) is not null;
            int files = (result.GetValue(Train) is null ? 0 : 1) + (result.GetValue(Dev) is null ? 0 : 1);
            if (folder ? files != 0 : files != 2)
                result.AddError("Expected the data as either --data DIR, or --train FILE and --dev FILE.");
            string? task = result.GetResult(TaskName)?.Tokens.FirstOrDefault()?.Value;
            if (result.GetResult(Template) is not null && !Fits(task, known => known.HasTemplates))
                result.AddError($"--template: {task} has one wording; {Names(known => known.HasTemplates)} have two.");
            if (result.GetResult(TokenColumn) is not null && !Fits(task, known => known.HasTokenColumn))
                result.AddError($"--token-column is for {Names(known => known.HasTokenColumn)}, not for {task}.");
            if (result.GetResult(LabelColumn) is not null && !Fits(task, known => known.HasLabelColumn))
                result.AddError($"--label-column is for {Names(known => known.HasLabelColumn)}, not for {task}.");
        });
        command.SetAction((arguments, cancellationToken) => Task.Run(() => Run(arguments, cancellationToken), CancellationToken.None));
        return command;
    }

    // A name that is no task's is told of elsewhere.
    private static bool Fits(string? name, Func<PaperTask, bool> condition) =>
        PaperTask.All.FirstOrDefault(task => task.Name == name) is not { } known || condition(known);

    private static string Names(Func<PaperTask, bool> condition) => string.Join(" and ", PaperTask.All.Where(condition).Select(task => task.Name));

    private static int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        try
        {
            PrepareFolder(arguments.GetValue(Save));
            PrepareFolder(arguments.GetValue(Json));
            Report report = Measure(arguments, cancellationToken);
            report.Print();
            if (arguments.GetValue(Json) is { } json)
                File.WriteAllText(json, report.ToJson() + Environment.NewLine);
            return 0;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Cancelled.");
            return 130;
        }
        catch (Exception problem) when (
            problem is IOException or InvalidDataException or FormatException or ArgumentException or InvalidOperationException
                or NotSupportedException or DllNotFoundException)
        {
            Console.Error.WriteLine(problem.Message);
            return 1;
        }
    }

    // Before the training, so that hours of it do not end at a missing folder.
    private static void PrepareFolder(string? file)
    {
        if (file is not null)
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    private static Report Measure(ParseResult arguments, CancellationToken cancellationToken)
    {
        PaperTask task = PaperTask.Named(arguments.GetRequiredValue(TaskName));
        string? backbone = arguments.GetValue(Backbone);
        string method = arguments.GetRequiredValue(Method);
        Preset? preset = Preset.For(task.Name, backbone is null ? null : BackboneShape.Read(backbone));
        Settings settings = Settings.Resolve(method, Requested(arguments), preset, task.Defaults);

        DataFiles files = arguments.GetValue(Data) is { } folder
            ? DataFiles.Find(task, folder)
            : new DataFiles(arguments.GetRequiredValue(Train)!, arguments.GetRequiredValue(Dev)!);
        var reading = new Reading(
            arguments.GetValue(Template) ?? preset?.Template ?? 0, arguments.GetValue(Limit), arguments.GetValue(DevLimit),
            arguments.GetValue(TokenColumn), arguments.GetValue(LabelColumn));
        TaskData data = task.Read(files, reading);
        Console.WriteLine($"{data.TrainRows:N0} training rows of {files.Train}, {data.DevRows:N0} development rows of {files.Dev}");

        var experiment = Experiment.For(data, settings, backbone);
        var runs = new List<RunResult>();
        foreach (int seed in settings.Seeds)
        {
            Console.WriteLine($"seed {seed}");
            string? saveTo = runs.Count == 0 ? arguments.GetValue(Save) : null;
            runs.Add(TrainingBar.Show(progress => experiment.Run(seed, saveTo, progress, cancellationToken)));
        }

        return new Report(task, method, settings, reading, runs);
    }

    private static RequestedSettings Requested(ParseResult arguments) => new(
        arguments.GetValue(PrefixLength),
        arguments.GetValue(PrefixLayers),
        arguments.GetValue(Projection),
        arguments.GetValue(LearningRate),
        arguments.GetValue(Epochs),
        arguments.GetValue(BatchSize),
        arguments.GetValue(MaxLength),
        arguments.GetValue(Offset) is { } offset ? offset == "prefix" ? PositionOffset.Prefix : PositionOffset.None : null,
        arguments.GetValue(PadToMax),
        arguments.GetValue(Seed) ?? []);

    private static Option<T?> Number<T>(string name, string description, T lowest)
        where T : struct, INumber<T> => new(name)
    {
        HelpName = "N",
        Description = description,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value) && value >= lowest)
                return value;

            string bound = T.IsInteger(lowest) ? $"a whole number of at least {lowest}" : "a number above 0";
            result.AddError($"{name}: expected {bound}, found '{text}'.");
            return null;
        },
    };
}
