using System.CommandLine;
using System.CommandLine.Parsing;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;
using PaperTasks.DataSets;
using PaperTasks.Methods;

namespace PaperTasks;

/// <summary>The options that choose a method and say how it adapts the encoder.</summary>
internal static class MethodOptions
{
    private static readonly Option<string> MethodName = new("--method")
    {
        DefaultValueFactory = _ => LibraryMethod.DeepPrefix.Name,
        Description = $"{string.Join("; ", Method.All.Select(method => $"'{method.Name}': {method.Summary}"))}. "
            + "Options that mean nothing to a method are ignored",
    };

    private static readonly Option<int?> PrefixLength = CommandLine.Number(
        "--prefix-length", "Trained vectors per layer; of a prompt in the input, all its vectors", lowest: 1);

    private static readonly Option<LayerSelection?> PrefixLayers = new("--prefix-layers")
    {
        HelpName = "K|I-J|I,J",
        Description = "Prefix in the last K layers only, 0 for all; or in the layers I to J, or I and J, counted from 0",
        CustomParser = result =>
        {
            try
            {
                return LayerSelection.Parse(result.Tokens[0].Value);
            }
            catch (FormatException problem)
            {
                result.AddError($"--prefix-layers: {problem.Message}");
                return null;
            }
        },
    };

    private static readonly Option<bool?> Projection = new("--projection")
    {
        Description = "Trains the prefix through a two-layer network (reparameterisation); 'false' where a script does and you would not",
    };

    private static readonly Option<PromptStart?> StartOfPrompt = new("--prompt-start")
    {
        HelpName = string.Join('|', Enum.GetNames<PromptStart>().Where(name => name != nameof(PromptStart.Text))).ToLowerInvariant(),
        Description = "What the vectors of a prompt in the input, or of a prefix, are before training",
    };

    private static readonly Option<string?> StartTextOfPrompt = new("--prompt-start-text")
    {
        HelpName = "TEXT",
        Description = "Words whose embeddings, or whose keys and values, they are before training",
    };

    private static readonly Option<bool> PrefixGate = new("--prefix-gate")
    {
        Description = "Trains a factor from 0 on the attention that each layer and head gives to the prefix",
    };

    private static readonly Option<PromptPlacement?> PlaceOfPrompt = new("--prompt-placement")
    {
        HelpName = string.Join('|', Enum.GetNames<PromptPlacement>()).ToLowerInvariant(),
        Description = "Where the vectors of a prompt in the input stand",
    };

    private static readonly Option<PromptNetworkKind?> Network = new("--network")
    {
        HelpName = string.Join('|', Enum.GetNames<PromptNetworkKind>()).ToLowerInvariant(),
        Description = "What makes the vectors of p-tuning-v1: an LSTM, an MLP, or nothing",
    };

    private static readonly Option<int?> Prompts = CommandLine.Number("--prompts", "Prompts of the mixture of soft-prompts", lowest: 1);
    private static readonly Option<int?> Rank = CommandLine.Number("--rank", "Rank of the products of lora", lowest: 1);

    private static readonly Option<string?> Pattern = new("--pattern")
    {
        HelpName = "TEXT",
        Description = "Words around the text, such as '{text} It was {mask}.'; of a pair, with {text2}. For texts with classes",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            try
            {
                ClozePattern.Parse(text);
            }
            catch (ArgumentException problem)
            {
                result.AddError($"--pattern: {problem.Message}");
            }
            return text;
        },
    };

    private static readonly Option<Verbalizer?> Words = new("--words")
    {
        HelpName = "CLASS=WORD,WORD",
        Description = "The words that stand for a class at the pattern's {mask}. Repeatable, or several classes with ; between them. "
            + "The encoder must be a whole masked language model, such as mini-cased",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = ReadWords,
    };

    static MethodOptions() => MethodName.AcceptOnlyFromAmong([.. Method.All.Select(method => method.Name)]);

    public static IReadOnlyList<Option> All { get; } =
    [
        MethodName, PrefixLength, PrefixLayers, StartOfPrompt, StartTextOfPrompt, PlaceOfPrompt, Projection, PrefixGate, Network, Prompts, Rank, Pattern, Words,
    ];

    /// <summary>Adds what cannot be learned in this way to the errors of the command line.</summary>
    public static void Check(CommandResult result, PaperTask task)
    {
        if (FindMethod(result) is not { } method)
            return;                                         // told of elsewhere

        if (!method.Suits(task))
            result.AddError($"--method {method.Name} is for {CommandLine.Names(method.Suits)}, not for {task.Name}.");
        if (method.ProjectsPrefix && result.GetResult(Projection)?.Tokens is [var projects] && bool.TryParse(projects.Value, out bool doesProject) && !doesProject)
            result.AddError($"--projection false: {method.Name} always trains through the network. Use --method {LibraryMethod.DeepPrefix.Name}.");

        if (result.GetResult(StartOfPrompt) is not null && result.GetResult(StartTextOfPrompt) is not null)
            result.AddError("--prompt-start and --prompt-start-text exclude each other: a text is a start of its own.");

        bool hasPattern = result.GetResult(Pattern) is not null, hasWords = result.GetResult(Words) is not null;
        if ((hasPattern || hasWords) && !task.HasPatterns)
            result.AddError($"{(hasPattern ? "--pattern" : "--words")} is for {CommandLine.Names(known => known.HasPatterns)}, not for {task.Name}.");
        else if (hasWords && !hasPattern)
            result.AddError("--words needs a --pattern with {mask}, where the words are scored, such as '{text} It was {mask}.'.");
    }

    /// <summary>The method that is asked for; null where there is none of its name.</summary>
    public static Method? FindMethod(CommandResult result)
    {
        string name = result.GetResult(MethodName)?.Tokens.FirstOrDefault()?.Value ?? LibraryMethod.DeepPrefix.Name;
        return Method.All.FirstOrDefault(known => known.Name == name);
    }

    /// <summary>The method that is asked for.</summary>
    public static Method MethodOf(ParseResult arguments) => Method.Named(arguments.GetRequiredValue(MethodName));

    /// <summary>What the command line says of the method, beside the other settings.</summary>
    public static RequestedSettings AddTo(RequestedSettings requested, ParseResult arguments) => requested with
    {
        PrefixLength = arguments.GetValue(PrefixLength),
        PrefixLayers = arguments.GetValue(PrefixLayers),
        Projection = arguments.GetValue(Projection),
        PromptStart = arguments.GetValue(StartTextOfPrompt) is null ? arguments.GetValue(StartOfPrompt) : PromptStart.Text,
        PromptStartText = arguments.GetValue(StartTextOfPrompt),
        PrefixGate = arguments.GetValue(PrefixGate),
        PromptPlacement = arguments.GetValue(PlaceOfPrompt),
        Network = arguments.GetValue(Network),
        Prompts = arguments.GetValue(Prompts),
        Rank = arguments.GetValue(Rank),
        Pattern = arguments.GetValue(Pattern),
        Words = arguments.GetValue(Words),
    };

    private static Verbalizer? ReadWords(ArgumentResult result)
    {
        var words = new Verbalizer();
        foreach (string text in result.Tokens.SelectMany(token => token.Value.Split(';')))
        {
            int equals = text.IndexOf('=');
            string name = equals < 0 ? "" : text[..equals].Trim();
            string[] ofClass = equals < 0 ? [] : text[(equals + 1)..].Split(',', StringSplitOptions.TrimEntries);
            if (name.Length == 0 || ofClass.Contains(""))
                result.AddError($"--words: expected a class and its words, such as 1=good,great; found '{text}'.");
            else if (words.Classes.Contains(name))
                result.AddError($"--words: the class '{name}' has words twice. Name all its words behind one '{name}='.");
            else
                words[name] = ofClass;
        }
        return words;
    }
}
