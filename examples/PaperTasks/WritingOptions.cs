using System.CommandLine;
using System.CommandLine.Parsing;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks;

/// <summary>The options of tasks whose model writes texts.</summary>
internal static class WritingOptions
{
    private static readonly Option<int?> MaxNewTokens = CommandLine.Number("--max-new-tokens", "Tokens that are written at most", lowest: 1);
    private static readonly Option<int?> Beams = CommandLine.Number("--beams", "Beginnings of each text that beam search keeps", lowest: 1);

    private static readonly Option<bool> Continues = new("--continues-text")
    {
        Description = "What is written goes on directly behind the text that is read; else an end of text stands between them. For GPT-2",
    };

    public static IReadOnlyList<Option> All { get; } = [MaxNewTokens, Beams, Continues];

    /// <summary>Adds what the task cannot do to the errors of the command line.</summary>
    public static void Check(CommandResult result, PaperTask task)
    {
        if (!task.Writes && All.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } option)
            result.AddError($"{option.Name} is for {CommandLine.Names(known => known.Writes)}, not for {task.Name}.");
    }

    /// <summary>What the command line says of the writing, beside the other settings.</summary>
    public static RequestedSettings AddTo(RequestedSettings requested, ParseResult arguments)
    {
        var usual = new GenerationSettings();
        return requested with
        {
            Writing = new(
                new GenerationSettings
                {
                    MaxNewTokens = arguments.GetValue(MaxNewTokens) ?? usual.MaxNewTokens,
                    Beams = arguments.GetValue(Beams) ?? usual.Beams,
                },
                arguments.GetValue(Continues)),
        };
    }
}

/// <summary>How texts are written.</summary>
/// <param name="ContinuesText">Whether what is written goes on directly behind the text that is read.</param>
internal sealed record WritingSettings(GenerationSettings Generation, bool ContinuesText)
{
    /// <summary>The library's.</summary>
    public static WritingSettings Usual { get; } = new(new(), ContinuesText: false);

    /// <summary>What differs from the library's; null where nothing does.</summary>
    public string? Describe()
    {
        string generation = Generation.ToString(), usual = Usual.Generation.ToString();
        string[] changed = [.. new[] { generation == usual ? null : generation, ContinuesText ? "ContinuesText" : null }.OfType<string>()];
        return changed.Length == 0 ? null : string.Join(", ", changed);
    }
}
