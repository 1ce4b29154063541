namespace PretrainEncoder.Data;

/// <summary>Consecutive tokens of one document.</summary>
/// <param name="Start">The first of them in the corpus.</param>
/// <param name="EndsDocument">Whether the document ends with them.</param>
internal readonly record struct Window(int Start, int Length, bool EndsDocument);

/// <summary>Cuts the documents of a corpus into windows.</summary>
/// <param name="length">Most tokens of a window.</param>
internal sealed class Windows(Corpus corpus, int length)
{
    /// <summary>Every hundredth document is held out, and the last one.</summary>
    private const int HoldsOut = 100;

    public int HeldOutDocuments => Documents(heldOut: true).Count();

    /// <summary>Batches of training windows without end, longest windows first. Each pass over the documents cuts them elsewhere, in another order.</summary>
    public IEnumerable<Window[]> Batches(int size, Random random)
    {
        while (true)
        {
            Window[] windows = [.. Documents(heldOut: false).SelectMany(document => Cut(document, 1 + random.Next(length)))];
            random.Shuffle(windows);
            foreach (Window[] batch in windows.Chunk(size))
                yield return [.. batch.OrderByDescending(window => window.Length)];
        }
    }

    /// <summary>Windows of the held-out documents, spread evenly over all of them, longest first.</summary>
    /// <param name="most">How many at most.</param>
    public IReadOnlyList<Window> HeldOut(int most)
    {
        Window[] windows = [.. Documents(heldOut: true).SelectMany(document => Cut(document, length))];
        int count = Math.Min(most, windows.Length);
        return [.. Enumerable.Range(0, count).Select(i => windows[(long)i * windows.Length / count]).OrderByDescending(window => window.Length)];
    }

    private IEnumerable<int> Documents(bool heldOut) =>
        Enumerable.Range(0, corpus.Documents).Where(document => heldOut == (document % HoldsOut == HoldsOut - 1 || document == corpus.Documents - 1));

    /// <param name="first">Tokens of the first window, unless the document fits into one.</param>
    private IEnumerable<Window> Cut(int document, int first)
    {
        var (start, end) = (corpus.Starts[document], corpus.Starts[document + 1]);
        int next = start + (end - start <= length ? end - start : first);
        for (; start < end; (start, next) = (next, Math.Min(next + length, end)))
            yield return new Window(start, next - start, next == end);
    }
}
