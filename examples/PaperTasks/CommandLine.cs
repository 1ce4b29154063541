using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Examples;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;
using PaperTasks.Experiments;
using PaperTasks.Methods;
using PaperTasks.Sweeps;

namespace PaperTasks;

/// <summary>The options of the program, and what it does with them.</summary>
internal static class CommandLine
{
    private static readonly Option<string> TaskName = new("--task")
    {
        Required = true,
        Description = "The data set. 'squad-topics': the questions of SQuAD's eight largest articles, 480 to train with, labelled with the article. "
            + "Files of your own: 'tsv', 'text TAB [text TAB] label'; labels that are numbers, one at least with a decimal point, make it a regression. "
            + "'ner', a word and its tag per line, an empty line between sentences. "
            + "'srl', predicates and their arguments: the columns of CoNLL-2005 and CoNLL-2012 with a bracket column per predicate, "
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
        Description = "Development file: its rows are judged. Not needed with --holdout, nor for squad-topics, which splits its training file",
    };

    private static readonly Option<int?> TokenColumn = Number(
        "--token-column", "Column of the words, from 0, in a file with a word per line; else the layout's own", lowest: 0);
    private static readonly Option<int?> LabelColumn = Number(
        "--label-column", "Column of the label or the tags; else the layout's own, or the last one", lowest: 0);

    private static readonly Option<bool> Header = new("--header") { Description = "The first line of a 'tsv' file names its columns" };

    private static readonly Option<string?> Backbone = new("--backbone")
    {
        HelpName = "DIR",
        Description = "Folder of a Hugging Face encoder of any family that the library knows; the library's default encoder where none is named",
    };

    private static readonly Option<bool> Defaults = new("--defaults")
    {
        Description = "Trains with the library's defaults, not with those of an official script, and reports the last epoch; other options still count",
    };

    private static readonly Option<int?> Template = new("--template")
    {
        HelpName = "0|1",
        Description = "The official code's wording of wic and wsc. wic: 0 one text that ends in the question, 1 'WORD: sentence' twice; "
            + "wsc: 0 'PRONOUN: text', 1 stars about the pronoun",
    };

    private static readonly Option<double?> LearningRate = Number(
        "--learning-rate", "Highest learning rate; it falls linearly to 0. 'auto': found before training",
        lowest: double.Epsilon, word: ("auto", LearningRates.Auto));

    private static readonly Option<int?> Epochs = Number("--epochs", "Passes over the training rows", lowest: 1);

    private static readonly Option<string?> Epoch = new("--epoch")
    {
        Description = "Which epoch is reported. 'best': the one that is best on the judged rows, as in the paper; 'last': the judged rows choose nothing. "
            + "'best' unless --defaults is given",
    };

    private static readonly Option<int?> BatchSize = Number("--batch-size", "Rows per step", lowest: 1);
    private static readonly Option<int?> MaxLength = Number("--max-length", "Tokens of a row, the rest is cut off", lowest: 1);

    private static readonly Option<string?> Offset = new("--position-offset")
    {
        Description = "'prefix': the text's positions begin after the prefix, as in the official code; 'none': at 0",
    };

    private static readonly Option<Pooling?> Pooled = new("--pooling")
    {
        HelpName = string.Join('|', Enum.GetNames<Pooling>()).ToLowerInvariant(),
        Description = "How a text becomes one vector: the checkpoint's pooler, a trained one, or the mean over the tokens. Tags and answers have no pooling",
    };

    private static readonly Option<bool> PadToMax = new("--pad-to-max")
    {
        Description = "Pads every row to --max-length, as the official scripts do; slower",
    };

    private static readonly Option<int[]> Seed = new("--seed") { HelpName = "N", Description = "Repeatable: a training for each" };
    private static readonly Option<int?> Limit = Number(
        "--limit", "Takes the first N training rows (sentences, predicates; of multirc and record, questions)", lowest: 1);

    private static readonly Option<int?> DevLimit = Number("--dev-limit", "The same of the development rows", lowest: 1);
    private static readonly Option<int?> PerClass = Number("--per-class", "Draws N of the training rows of each class with the run's seed", lowest: 1);

    private static readonly Option<double?> HoldOut = Number(
        "--holdout", "Judges this share of the training rows, drawn with the run's seed; development rows are not read. Choose options with it. "
        + "Rows of one paragraph or sentence stay together, but for squad-topics; --per-class draws from the others", lowest: double.Epsilon, below: 1);

    private static readonly Option<int?> Gpu = Number(
        "--gpu", "The CUDA device to compute on, from 0; else the CPU. Build with TorchBackend=cuda-linux or cuda-windows", lowest: 0);

    private static readonly Option<BackbonePrecision?> Precision = new("--precision")
    {
        HelpName = string.Join('|', Enum.GetNames<BackbonePrecision>()).ToLowerInvariant(),
        Description = "The type of number in which the encoder is trained with and judged; the methods of the library",
    };

    private static readonly Option<int?> Rescues = Number(
        "--rescues", "How often a training that goes wrong is taken back, with half the learning rate; 0 for never", lowest: 0);

    private static readonly Option<string?> Checkpoints = new("--checkpoints")
    {
        HelpName = "DIR",
        Description = "Keeps the state of the training there, so that the same command goes on where it was stopped",
    };

    private static readonly Option<string?> Save = new("--save") { HelpName = "FILE", Description = "Saves the first seed's model for mlContext.Model.Load" };
    private static readonly Option<string?> Json = new("--json") { HelpName = "FILE", Description = "Writes the results as JSON" };

    public static RootCommand Create()
    {
        TaskName.AcceptOnlyFromAmong([.. PaperTask.All.Select(task => task.Name)]);
        Epoch.AcceptOnlyFromAmong("best", "last");
        Offset.AcceptOnlyFromAmong("prefix", "none");
        Template.AcceptOnlyFromAmong("0", "1");

        var command = new RootCommand(
            "P-Tuning v2 on the tasks of the paper. What the command line leaves open is taken from the official script "
            + "for the task and backbone where there is one, else from the library's defaults.");
        foreach (Option option in (Option[])[
            TaskName, Data, Train, Dev, Template, TokenColumn, LabelColumn, Header, Backbone, .. MethodOptions.All, .. CompanionOptions.All, .. WritingOptions.All, Defaults,
            LearningRate, Epochs, Epoch, BatchSize, MaxLength, Pooled, Offset, PadToMax, Seed, Limit, DevLimit, PerClass, HoldOut, Gpu,
            Precision, Rescues, Checkpoints, Save, Json])
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            string? name = result.GetResult(TaskName)?.Tokens.FirstOrDefault()?.Value;
            if (PaperTask.All.FirstOrDefault(known => known.Name == name) is not { } task)
                return;                                     // told of elsewhere

            CheckFiles(result, task);
            if (result.GetResult(Template) is not null && !task.HasTemplates)
                result.AddError($"--template: {name} has one wording; {Names(known => known.HasTemplates)} have two.");
            if (result.GetResult(TokenColumn) is not null && !task.HasTokenColumn)
                result.AddError($"--token-column is for {Names(known => known.HasTokenColumn)}, not for {name}.");
            if (result.GetResult(LabelColumn) is not null && !task.HasLabelColumn)
                result.AddError($"--label-column is for {Names(known => known.HasLabelColumn)}, not for {name}.");
            if (result.GetValue(Header) && !task.MayHaveHeader)
                result.AddError($"--header is for {Names(known => known.MayHaveHeader)}, not for {name}.");
            if (result.GetResult(Pooled) is not null && !task.HasPooling)
                result.AddError($"--pooling is for {Names(known => known.HasPooling)}, not for {name}.");
            MethodOptions.Check(result, task);
            CompanionOptions.Check(result, task);
            WritingOptions.Check(result, task);
            if (result.GetValue(Save) is not null && MethodOptions.FindMethod(result) is { CanSave: false } method)
                result.AddError($"--save: {method.Name} has no model to save; those of the library have.");
        });
        command.SetAction((arguments, cancellationToken) => Try(() => Task.Run(() => Run(arguments, cancellationToken), CancellationToken.None)));
        command.Subcommands.Add(SweepCommand.Create(command));
        command.Subcommands.Add(BiographiesCommand.Create());
        return command;
    }

    /// <summary>Runs a command. Its expected failures are told in a line.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> Try(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Cancelled.");
            return 130;
        }
        catch (Exception problem) when (
            problem is IOException or InvalidDataException or FormatException or ArgumentException or InvalidOperationException
                or NotSupportedException or DllNotFoundException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(problem.Message);
            return 1;
        }
    }

    private static void CheckFiles(CommandResult result, PaperTask task)
    {
        bool holdsOut = result.GetResult(HoldOut) is not null;
        bool mayHaveDev = !task.HasOneFile, needsDev = mayHaveDev && !holdsOut;
        bool train = result.GetValue(Train) is not null, dev = result.GetValue(Dev) is not null;
        bool isFolder = result.GetValue(Data) is not null;
        if (isFolder ? train || dev : !train || (dev ? !mayHaveDev : needsDev))
            result.AddError($"Expected the data as either --data DIR, or --train FILE{(needsDev ? " and --dev FILE" : mayHaveDev ? "" : " without --dev")}.");
        if (holdsOut && result.GetResult(DevLimit) is not null)
            result.AddError("--dev-limit is for development rows, which --holdout does not read.");
    }

    /// <summary>The tasks of which something holds, for an error.</summary>
    public static string Names(Func<PaperTask, bool> condition) => string.Join(" and ", PaperTask.All.Where(condition).Select(task => task.Name));

    private static int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        PrepareFolder(arguments.GetValue(Save));
        PrepareFolder(arguments.GetValue(Json));
        Report report = Measure(arguments, cancellationToken);
        foreach (string line in report.Lines())
            Console.WriteLine(line);
        if (arguments.GetValue(Json) is { } json)
            File.WriteAllText(json, report.ToJson() + Environment.NewLine);
        return 0;
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
        Method method = MethodOptions.MethodOf(arguments);
        Preset? preset = arguments.GetValue(Defaults) || !Directory.Exists(backbone) ? null : Preset.For(task.Name, BackboneShape.Read(backbone));
        RequestedSettings requested = method.Adjust(Requested(arguments));
        PTuningV2Trainer.Options library = task.Defaults;
        library.Method = method.Tuning(requested);
        Settings settings = Settings.Resolve(method.HasPrefix, requested, preset, library);

        DataFiles files = arguments.GetValue(Data) is { } folder
            ? DataFiles.Find(task, folder, needsDev: arguments.GetValue(HoldOut) is null)
            : new DataFiles(arguments.GetRequiredValue(Train)!, arguments.GetValue(Dev) ?? arguments.GetRequiredValue(Train)!);
        var reading = new Reading(
            arguments.GetValue(Template) ?? preset?.Template ?? 0, arguments.GetValue(Limit), arguments.GetValue(DevLimit),
            arguments.GetValue(TokenColumn), arguments.GetValue(LabelColumn), arguments.GetValue(Header), arguments.GetValue(HoldOut),
            arguments.GetValue(PerClass));
        TaskData rows = task.Read(files, reading);
        SharedTraining? shared = CompanionOptions.Read(arguments, task, reading);

        var runs = new List<RunResult>();
        SharedTraining? firstShared = null;
        foreach (int seed in settings.Seeds)
        {
            TaskData data = reading.Draw(rows, seed);
            Console.WriteLine($"{method.Name}: {data.TrainRows:N0} training rows, {data.DevRows:N0} judged rows, seed {seed}");
            SharedTraining? drawn = shared?.Draw(reading, seed, data);
            firstShared ??= drawn;
            string? saveTo = runs.Count == 0 ? arguments.GetValue(Save) : null;
            runs.Add(TrainingBar.Show(progress =>
                Experiment.Run(
                    method,
                    new TrainingRun(data, settings, backbone, seed, progress, cancellationToken, arguments.GetValue(Gpu))
                    {
                        Shared = drawn,
                        Precision = arguments.GetValue(Precision),
                        Rescues = arguments.GetValue(Rescues),
                        Checkpoints = arguments.GetValue(Checkpoints) is { } checkpoints ? Path.Combine(checkpoints, $"seed-{seed}") : null,
                    },
                    saveTo)));
        }

        return new Report(task, method, settings, reading, files, runs) { Shared = firstShared };
    }

    private static RequestedSettings Requested(ParseResult arguments)
    {
        var requested = new RequestedSettings(
            PrefixLength: null,
            PrefixLayers: null,
            Projection: null,
            arguments.GetValue(LearningRate),
            arguments.GetValue(Epochs),
            arguments.GetValue(BatchSize),
            arguments.GetValue(MaxLength),
            arguments.GetValue(Offset) is { } offset ? offset == "prefix" ? PositionOffset.Prefix : PositionOffset.None : null,
            arguments.GetValue(Pooled),
            arguments.GetValue(PadToMax),
            arguments.GetValue(Seed) ?? [],
            KeepsBestEpoch: arguments.GetValue(Epoch) is { } epoch ? epoch == "best" : !arguments.GetValue(Defaults));
        return WritingOptions.AddTo(MethodOptions.AddTo(requested, arguments), arguments);
    }

    /// <summary>An option whose value is a number of a range.</summary>
    /// <param name="word">A word that stands for a number.</param>
    public static Option<T?> Number<T>(string name, string description, T lowest, T? below = null, (string Word, T Number)? word = null)
        where T : struct, INumber<T> => new(name)
    {
        HelpName = "N",
        Description = description,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (word is var (meaning, number) && text == meaning)
                return number;
            if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value) && value >= lowest && !(value >= below))
                return value;

            string bound = T.IsInteger(lowest) ? $"a whole number of at least {lowest}" : $"a number above 0{(below is null ? "" : $" and below {below}")}";
            result.AddError($"{name}: expected {bound}{(word is null ? "" : $", or '{word.Value.Word}'")}, found '{text}'.");
            return null;
        },
    };
}
