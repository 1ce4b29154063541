namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Neighbouring words that the encoder reads together: a whole sentence, or a window of a long sentence.</summary>
/// <param name="Start">The first word.</param>
/// <param name="End">The word after the last.</param>
/// <param name="FirstOwned">The first word that is tagged here. Windows overlap; each word is tagged in one of them, away from the window's edges.</param>
/// <param name="EndOwned">The word after the last that is tagged here.</param>
internal readonly record struct WordWindow(int Start, int End, int FirstOwned, int EndOwned)
{
    /// <summary>Windows over all words, each with as many words as fit, overlapping by about a quarter of the room.</summary>
    /// <param name="lengths">Tokens of each word; more than the room counts as the room.</param>
    /// <param name="room">Most tokens of a window, at least 1.</param>
    /// <returns>At least one window, even where there is no word.</returns>
    public static IReadOnlyList<WordWindow> Cover(IReadOnlyList<int> lengths, int room)
    {
        var windows = new List<WordWindow>();
        for (int start = 0, owned = 0; ;)
        {
            var end = Forward(lengths, start, room);
            if (end == lengths.Count)
            {
                windows.Add(new WordWindow(start, end, owned, end));
                return windows;
            }
            var next = Math.Max(start + 1, Back(lengths, end, room / 4));
            while (Forward(lengths, next, room) == end)
                next++; // A long word follows: the overlap gives way to it.
            var border = (next + end + 1) / 2; // The middle of the overlap.
            windows.Add(new WordWindow(start, end, owned, border));
            (start, owned) = (next, border);
        }
    }

    // As many words as fit; one at least.
    private static int Forward(IReadOnlyList<int> lengths, int start, int room)
    {
        var end = start;
        for (var tokens = 0; end < lengths.Count && (tokens += lengths[end]) <= room;)
            end++;
        return Math.Min(Math.Max(end, start + 1), lengths.Count);
    }

    // As many words before one as fit.
    private static int Back(IReadOnlyList<int> lengths, int end, int room)
    {
        var start = end;
        for (var tokens = 0; start > 0 && (tokens += lengths[start - 1]) <= room;)
            start--;
        return start;
    }
}
