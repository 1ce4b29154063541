using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>What the methods share that train vectors among the tokens of the input.</summary>
internal static class PromptArrangement
{
    /// <summary>The id at the places of the prompt; its embedding is not used.</summary>
    private const int AnyId = 0;

    /// <summary>Gives each row its places for the prompt, unless its pattern has given them already.</summary>
    /// <exception cref="InvalidOperationException">The pattern has another number of places.</exception>
    public static ArrangedBatch Arrange(EncodedBatch batch, Backbone backbone, PromptPlacement placement, int length)
    {
        if (batch.PromptPlaces is not { } places)
            return ArrangedBatch.Insert(batch, HasFirstToken(placement, backbone) ? 1 : 0, length, AnyId);

        return places.size(1) == length ? new(batch, batch) : throw new InvalidOperationException(
            $"The pattern has {places.size(1)} places for trained tokens, but the prompt has {length}. Give the prompt that Length, or change the pattern.");
    }

    /// <summary>
    /// The batch with the text's embeddings, positions and segments included, in place of its words. The encoder then adds positions and segments again.
    /// </summary>
    public static EncodedBatch EmbedTwice(EncodedBatch arranged, EncodedBatch text, Backbone backbone)
    {
        using var frozen = no_grad();
        var embedded = backbone.Embed(text, positionOffset: 0).narrow(1, 0, text.Length);               // [B, T, E]
        return arranged with
        {
            TokenVectors = nn.functional.pad(embedded, [0, 0, arranged.Length - text.Length, 0]),       // [B, P + T, E]
            Segments = arranged.Segments.Filled(0),
        };
    }

    /// <summary>Each row's own prompt, for models with equally long ones.</summary>
    public static Tuning Stack(IReadOnlyList<ModelRows> models) =>
        new(Prompts: new(cat([.. models.Select(m => m.Tensors[TrainedTensors.Prompt].unsqueeze(0).expand(m.Rows, -1, -1))], 0)));

    /// <summary>Chooses the words that a prompt begins with.</summary>
    /// <param name="rows">The training rows.</param>
    /// <param name="classes">The classes' names; empty where there are none.</param>
    /// <returns>One token id per vector; null for random vectors.</returns>
    /// <exception cref="InvalidOperationException">There are no such words.</exception>
    public static int[]? ChooseWords(
        PromptStart start, string? text, int length, IEnumerable<EncodedRow> rows, TextTokenizer tokenizer, IReadOnlyList<string> classes)
    {
        if (start is PromptStart.Random or PromptStart.Examples)
            return null;
        if (start == PromptStart.ClassNames && classes.Count == 0)
            throw new InvalidOperationException($"The prompt starts from the classes' names, but the label has none. Choose another {nameof(PromptStart)}.");

        var words = start switch
        {
            PromptStart.ClassNames => Tokens(classes, tokenizer),
            PromptStart.Text => Repeated(Tokens([text!], tokenizer), length),
            _ => [],
        };
        return [.. words.Concat(Frequent(rows, tokenizer).Where(word => start != PromptStart.ClassNames || !words.Contains(word))).Take(length)];
    }

    /// <summary>The words that a prompt of several tasks begins with: theirs in turn, each once, repeated where there are too few.</summary>
    /// <param name="words">One list per task, all of one length. Equal ones, such as those of a text, are taken as they are.</param>
    /// <returns>Null for no lists.</returns>
    public static IReadOnlyList<int>? InTurn(IReadOnlyList<IReadOnlyList<int>> words) =>
        words.Count == 0 || words.All(words[0].SequenceEqual)
            ? words.FirstOrDefault()
            : Repeated([.. Enumerable.Range(0, words[0].Count).SelectMany(i => words.Select(ofTask => ofTask[i])).Distinct()], words[0].Count);

    /// <summary>Initialises the vectors with the words' embeddings, else at random.</summary>
    public static Initializer Initializer(Backbone backbone, FirstValues first) => first.Words is not { } words
        ? first.Weight
        : _ => NearestWords.Vectors(backbone, words).clone();

    /// <exception cref="ArgumentException">The start is a text, but there is none.</exception>
    public static void Check(
        PromptStart start, string? startText, string startName = nameof(PromptTuning.Start), string textName = nameof(PromptTuning.StartText))
    {
        OptionRange.Defined(start, startName);
        if (start == PromptStart.Examples && startName != nameof(TrainingOptions.PrefixStart))
            throw new ArgumentException("Examples give keys and values, so only a prefix can start from them. Choose another start.", startName);
        if (start == PromptStart.Text && string.IsNullOrWhiteSpace(startText))
            throw new ArgumentException($"The prompt starts from a text, but {textName} is empty. Give the text.", textName);
    }

    private static bool HasFirstToken(PromptPlacement placement, Backbone backbone) =>
        placement == PromptPlacement.AfterFirstToken && backbone.SentenceToken == SentenceToken.First;

    private static int[] Tokens(IEnumerable<string> texts, TextTokenizer tokenizer) =>
        [.. texts.SelectMany(tokenizer.TokenizeWord).Select(token => token.Id).Distinct()];

    private static int[] Repeated(int[] words, int length) => words.Length == 0
        ? throw new InvalidOperationException("The text that the prompt starts from has no tokens. Give another StartText.")
        : [.. Enumerable.Range(0, length).Select(i => words[i % words.Length])];

    // Equally frequent tokens in the order of their ids. Too few rows repeat their tokens.
    private static IEnumerable<int> Frequent(IEnumerable<EncodedRow> rows, TextTokenizer tokenizer)
    {
        int[] special = [.. tokenizer.Surround([], null).Tokens.Select(token => token.Id), .. tokenizer.Generation?.Ids ?? []];
        int[] words = [.. rows.SelectMany(row => row.Ids).Where(id => !special.Contains(id)).GroupBy(id => id)
            .OrderByDescending(same => same.Count()).ThenBy(same => same.Key).Select(same => same.Key)];
        return Enumerable.Range(0, int.MaxValue).Select(i => words.Length == 0 ? special[i % special.Length] : words[i % words.Length]);
    }
}
