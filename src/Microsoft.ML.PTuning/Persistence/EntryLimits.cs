using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>How large the entries of a saved model may be. A small zip may unpack to any size.</summary>
internal static class EntryLimits
{
    /// <summary>Half a million labels take less.</summary>
    public const long MostDocumentBytes = 16 << 20;

    /// <summary>Why an entry is too large; null if it is not.</summary>
    /// <param name="length">Bytes of the entry, unpacked.</param>
    /// <param name="packed">Bytes that it takes in the zip; null if nobody knows.</param>
    public static string? Refusal(string entry, long length, long? packed)
    {
        if (entry == PromptArchive.DocumentEntry)
            return length > MostDocumentBytes
                ? FormattableString.Invariant($"It has {length:N0} bytes, more than the {MostDocumentBytes:N0} of any document.")
                : null;
        if (length > Array.MaxLength)
            return FormattableString.Invariant($"It has {length:N0} bytes, more than the {Array.MaxLength:N0} of any saved model.");
        return PackedNumbers.ShrinkTooFar(length, packed)
            ? FormattableString.Invariant($"It has {length:N0} bytes, packed in {packed:N0}: trained numbers do not shrink so far.")
            : null;
    }
}
