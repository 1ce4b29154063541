using System.CommandLine;
using System.CommandLine.Parsing;
using PretrainEncoder.Data;
using PretrainEncoder.Models;

namespace PretrainEncoder;

/// <summary>The options of the program, and what it does with them.</summary>
internal static class CommandLine
{
    private static readonly Option<string> Family = new("--family")
    {
        Required = true,
        HelpName = string.Join('|', LanguageModel.All.Select(model => model.ModelType)),
        Description = "What is trained: "
            + string.Join("; ", LanguageModel.All.Select(model => $"'{model.ModelType}', {model.Description}")),
    };

    private static readonly Option<string> CorpusFolder = new("--corpus")
    {
        Required = true,
        HelpName = "DIR",
        Description = $"Folder with {Corpus.IdsFile}, the tokens as little-endian 16-bit numbers, {Corpus.StartsFile}, where documents begin and the last one "
            + $"ends as 64-bit numbers, and {Corpus.VocabularyFile}, WordPieces",
    };

    private static readonly Option<string> Output = new("--out")
    {
        Required = true,
        HelpName = "DIR",
        Description = "Folder to write: a checkpoint of Hugging Face. It is written at each tenth of the training and at the end",
    };

    private static readonly Settings Usual = new("", "") { Model = LanguageModel.All[0] };

    private static readonly Option<int> Layers = Number("--layers", "Layers", Usual.Layers);
    private static readonly Option<int> Hidden = Number("--hidden", "Size of the hidden states", Usual.Hidden);
    private static readonly Option<int> Heads = Number("--heads", "Attention heads", Usual.Heads);
    private static readonly Option<int> Positions = Number("--positions", "The longest text that the model can read, in tokens", Usual.Positions);
    private static readonly Option<int> Window = Number("--window", "Tokens that it reads at once in training", Usual.Window, lowest: 8);
    private static readonly Option<int> BatchSize = Number("--batch-size", "Windows per step", Usual.BatchSize);

    private static readonly Option<double> LearningRate = Number(
        "--learning-rate", "Highest learning rate; it rises to that in the first twenty-fifth of the training, then falls linearly to 0", Usual.LearningRate);

    private static readonly Option<double> Minutes = Number("--minutes", "How long to train", Usual.Time.TotalMinutes);

    private static readonly Option<int?> Steps = new("--steps")
    {
        HelpName = "N",
        Description = "Steps to train, instead of --minutes: the same seed then gives the same weights on the same number of cores",
        Validators = { RequirePositive },
    };

    private static readonly Option<int> Seed = new("--seed") { HelpName = "N", Description = "Of all random numbers", DefaultValueFactory = _ => Usual.Seed };
    private static readonly Option<bool> HalfPrecision = new("--half-precision") { Description = "Writes the weights in F16 instead of F32" };

    public static RootCommand Create()
    {
        Family.AcceptOnlyFromAmong([.. LanguageModel.All.Select(model => model.ModelType)]);
        var command = new RootCommand("Trains a small language model from random weights on a corpus of token ids.");
        foreach (Option option in (Option[])[
            Family, CorpusFolder, Output, Layers, Hidden, Heads, Positions, Window, BatchSize, LearningRate, Minutes, Steps, Seed, HalfPrecision])
        {
            command.Options.Add(option);
        }

        command.Validators.Add(CheckAgreement);
        command.SetAction((arguments, cancellation) => Task.Run(() => Run(SettingsOf(arguments), cancellation), CancellationToken.None));
        return command;
    }

    /// <summary>The settings of arguments without errors.</summary>
    public static Settings SettingsOf(ParseResult arguments) => new(arguments.GetRequiredValue(CorpusFolder), arguments.GetRequiredValue(Output))
    {
        Model = LanguageModel.All.Single(model => model.ModelType == arguments.GetRequiredValue(Family)),
        Layers = arguments.GetValue(Layers),
        Hidden = arguments.GetValue(Hidden),
        Heads = arguments.GetValue(Heads),
        Positions = arguments.GetValue(Positions),
        Window = arguments.GetValue(Window),
        BatchSize = arguments.GetValue(BatchSize),
        LearningRate = arguments.GetValue(LearningRate),
        Time = TimeSpan.FromMinutes(arguments.GetValue(Minutes)),
        Steps = arguments.GetValue(Steps),
        Seed = arguments.GetValue(Seed),
        HalfPrecision = arguments.GetValue(HalfPrecision),
    };

    private static int Run(Settings settings, CancellationToken cancellation)
    {
        try
        {
            Pretraining.Run(settings, Console.Out, cancellation);
            return 0;
        }
        catch (Exception problem) when (problem is IOException or InvalidDataException or DllNotFoundException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(problem.Message);
            return 1;
        }
    }

    private static void CheckAgreement(CommandResult result)
    {
        int hidden = Value(Hidden, Usual.Hidden), heads = Value(Heads, Usual.Heads);
        int window = Value(Window, Usual.Window), positions = Value(Positions, Usual.Positions);
        if (heads > 0 && hidden % heads != 0)
            result.AddError($"--hidden: expected a multiple of the {heads} heads, found {hidden}.");
        if (window > positions)
            result.AddError($"--window: expected at most the {positions} positions, found {window}.");
        if (result.GetResult(Minutes) is not null && result.GetResult(Steps) is not null)
            result.AddError("Expected --minutes or --steps, found both.");

        // What is no number is told of elsewhere, and default values come after the validators.
        int Value(Option<int> option, int usual) => int.TryParse(result.GetResult(option)?.Tokens.LastOrDefault()?.Value, out int value) ? value : usual;
    }

    private static Option<int> Number(string name, string description, int usual, int lowest = 1)
    {
        var option = new Option<int>(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            if (int.TryParse(result.Tokens.FirstOrDefault()?.Value, out int number) && number < lowest)
                result.AddError($"{name}: expected a whole number of at least {lowest}, found '{number}'.");
        });
        return option;
    }

    private static Option<double> Number(string name, string description, double usual)
    {
        var option = new Option<double>(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => usual };
        option.Validators.Add(RequirePositive);
        return option;
    }

    private static void RequirePositive(OptionResult result)
    {
        string? text = result.Tokens.FirstOrDefault()?.Value;
        if (double.TryParse(text, out double number) && !(number > 0))
            result.AddError($"{result.Option.Name}: expected a number above 0, found '{text}'.");
    }
}
