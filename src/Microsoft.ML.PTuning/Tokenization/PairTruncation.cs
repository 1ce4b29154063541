namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>How many tokens of each text remain if both together are too long.</summary>
internal static class PairTruncation
{
    /// <param name="first">Tokens of the first text.</param>
    /// <param name="second">Tokens of the second text, null where there is none: then the first is shortened under either strategy.</param>
    /// <param name="room">Tokens that fit beside the special tokens.</param>
    /// <exception cref="ArgumentException">Only the second text may be shortened, but the first alone does not fit.</exception>
    public static (int First, int Second) Keep(int first, int? second, int room, Truncation truncation)
    {
        if (second is not int other)
            return (Math.Min(first, room), 0);
        if (first <= room - other)
            return (first, other);

        return truncation == Truncation.OnlySecond ? KeepFirst(first, room) : KeepShorter(first, other, room);
    }

    /// <summary>The result of removing tokens one by one from the longer text (from the second if both are equal).</summary>
    private static (int First, int Second) KeepShorter(int first, int second, int room)
    {
        var firstLength = Math.Min(first, Math.Max(room - room / 2, room - second));
        return (firstLength, room - firstLength);
    }

    private static (int First, int Second) KeepFirst(int first, int room) => first <= room
        ? (first, room - first)
        : throw new ArgumentException(
            $"Only the second text may be shortened, but the first alone has {first} tokens and {room} fit beside the special tokens. " +
            "Shorten the first text, raise the maximum length, or shorten the longer text.");
}
