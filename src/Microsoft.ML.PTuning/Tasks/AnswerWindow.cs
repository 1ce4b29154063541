namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A piece of a context that is read at once: its tokens [Start, End).</summary>
/// <param name="FirstAnswer">
/// Answers may start at its tokens [FirstAnswer, LastAnswer). Its other tokens have more context in a neighbouring window (BERT's "max context").
/// </param>
internal readonly record struct AnswerWindow(int Start, int End, int FirstAnswer, int LastAnswer)
{
    public int Count => End - Start;

    /// <summary>The windows of a context, in order: every token is in one or more of them, and an answer starts at it in exactly one.</summary>
    /// <param name="tokens">Tokens of the context; 0 gives one empty window.</param>
    /// <param name="room">Largest number of tokens per window.</param>
    /// <param name="overlap">Tokens that a window shares with the next; less than <paramref name="room"/>.</param>
    public static AnswerWindow[] Cut(int tokens, int room, int overlap)
    {
        var step = room - overlap;
        var windows = new AnswerWindow[tokens <= room ? 1 : 1 + (tokens - room + step - 1) / step];
        for (var i = 0; i < windows.Length; i++)
            windows[i] = new AnswerWindow(i * step, Math.Min(i * step + room, tokens), tokens, tokens);

        var (current, first) = (0, 0);
        for (var token = 0; token < tokens; token++)
        {
            while (current + 1 < windows.Length && windows[current + 1].IsBetterThan(windows[current], token))
            {
                windows[current] = windows[current] with { FirstAnswer = first, LastAnswer = token };
                (current, first) = (current + 1, token);
            }
        }
        windows[current] = windows[current] with { FirstAnswer = first, LastAnswer = tokens };
        return windows;
    }

    public bool Contains(int token) => token >= Start && token < End;

    private bool IsBetterThan(AnswerWindow other, int token) =>
        Contains(token) && (!other.Contains(token) || ContextOf(token) > other.ContextOf(token));

    // Tokens on the side that has fewer, and a hundredth of the window's length; in hundredths.
    private int ContextOf(int token) => 100 * Math.Min(token - Start, End - 1 - token) + Count;
}
