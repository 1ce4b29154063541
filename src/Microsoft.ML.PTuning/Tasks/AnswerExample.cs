using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The right answer to a question.</summary>
/// <param name="Text">Its characters; empty where there is none.</param>
/// <param name="Start">Where it stands in the context.</param>
internal sealed record GoldAnswer(string Text, int Start)
{
    public static readonly GoldAnswer None = new("", -1);

    /// <summary>An answer from the data. An empty text is no answer; a text whose index is below 0 has no place.</summary>
    public static GoldAnswer Of(string text, int index) => text.Length == 0 ? None : new GoldAnswer(text, index);
}

/// <summary>A question and its context, encoded: a part for each window of the context.</summary>
/// <param name="Context">The text that answers are cut from.</param>
/// <param name="Tokens">The context's tokens.</param>
/// <param name="Windows">One per part.</param>
/// <param name="TextStart">Position of a window's first token in its sequence.</param>
/// <param name="Gold">The right answer; null when scoring.</param>
internal sealed record AnswerExample(
    IReadOnlyList<ExamplePart> Parts, bool IsTruncated, string Context, Token[] Tokens, AnswerWindow[] Windows, int TextStart, GoldAnswer? Gold)
    : Example(Parts, IsTruncated)
{
    /// <summary>Longest question in tokens, as in BERT's own code. In short rows a question takes at most half of the room.</summary>
    private const int LongestQuestion = 64;

    /// <summary>Whether it is one of several windows of a row: the answer may stand in another.</summary>
    public bool IsWindow { get; private init; }

    /// <summary>Whether there is an answer that no window holds as a whole at its place.</summary>
    public override bool IsMisaligned => Gold is { Text.Length: > 0 } && Parts.All(part => !HasAnswer(part));

    public override IEnumerable<string> Labels => Gold is { } gold ? [gold.Text, Context] : [Context];

    /// <summary>The answer's start in its sequence, in the first window that holds it; 0 if none does.</summary>
    public int GoldPosition => Parts.Where(HasAnswer).Select(part => (int)part.Target[0]).FirstOrDefault();

    /// <summary>Largest number of tokens of a question.</summary>
    /// <param name="room">Tokens of a row, special tokens not counted.</param>
    public static int MostOfQuestion(int room) => Math.Min(LongestQuestion, room / 2);

    /// <summary>Makes windows, <c>[CLS] question [SEP] piece of the context [SEP]</c>, whose targets are the positions of the answer's two ends.</summary>
    /// <remarks>
    /// Both are 0, the position of <c>[CLS]</c>, if the window does not hold the whole answer or there is none, as in the official code.
    /// A token belongs to the answer when they share a character.
    /// </remarks>
    /// <param name="maxLength">Most tokens of a window, question and special tokens included.</param>
    /// <param name="overlap">Tokens that a window shares with the next.</param>
    /// <param name="gold">The right answer; null when scoring. If the context does not have it at its place, there are no targets.</param>
    public static AnswerExample Encode(TextTokenizer tokenizer, string question, string context, GoldAnswer? gold, int maxLength, int overlap)
    {
        var room = maxLength - tokenizer.SpecialTokens(pair: true);
        var questionTokens = tokenizer.TokenizeStart(question, MostOfQuestion(room) + 1);
        Token[] shownQuestion = [.. questionTokens.Take(MostOfQuestion(room))];
        Token[] tokens = [.. tokenizer.Tokenize(context)];
        var windows = AnswerWindow.Cut(tokens.Length, room - shownQuestion.Length, overlap);

        var answer = gold is null ? null : Locate(gold, context, tokens);
        var textStart = 0;
        var parts = Array.ConvertAll(windows, window =>
        {
            var text = tokenizer.Surround(shownQuestion, new ArraySegment<Token>(tokens, window.Start, window.Count));
            textStart = text.SecondStart;
            var isAnswered = answer is not null || gold is { Text.Length: 0 };
            return new ExamplePart([EncodedRow.Of(text)], isAnswered ? TargetOf(answer, window, textStart) : []);
        });
        return new AnswerExample(parts, shownQuestion.Length < questionTokens.Count, context, tokens, windows, textStart, gold);
    }

    /// <summary>One example per window: with the answer if the window holds it, else without an answer.</summary>
    public override IEnumerable<Example> Split()
    {
        if (IsMisaligned)
            return [];
        return Parts.Count == 1
            ? [this]
            : Parts.Zip(Windows, (part, window) => this with
            {
                Parts = [part],
                Windows = [window with { FirstAnswer = window.Start, LastAnswer = window.End }],
                Gold = HasAnswer(part) ? Gold : GoldAnswer.None,
                IsWindow = true,
            });
    }

    private static bool HasAnswer(ExamplePart part) => part.Target is [> 0, _];

    private static float[] TargetOf((int First, int Last)? answer, AnswerWindow window, int textStart) =>
        answer is var (first, last) && window.Contains(first) && window.Contains(last)
            ? [textStart + first - window.Start, textStart + last - window.Start]
            : [0, 0];

    // The first and the last token of the answer; null if there is none, or it is not at its place.
    private static (int First, int Last)? Locate(GoldAnswer gold, string context, Token[] tokens)
    {
        if (gold.Text.Length == 0 || gold.Start < 0 || gold.Start > context.Length)
            return null;
        if (!context.AsSpan(gold.Start).StartsWith(gold.Text, StringComparison.Ordinal))
            return null;

        var end = gold.Start + gold.Text.Length;
        var first = Array.FindIndex(tokens, token => token.Start + token.Length > gold.Start);
        var last = Array.FindLastIndex(tokens, token => token.Start < end);
        return first >= 0 && first <= last ? (first, last) : null;
    }
}
