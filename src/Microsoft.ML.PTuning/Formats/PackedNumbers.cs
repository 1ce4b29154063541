namespace Microsoft.ML.PTuning.Formats;

/// <summary>How far numbers may shrink in a zip. A small zip may unpack to any size.</summary>
internal static class PackedNumbers
{
    /// <summary>So many bytes are read however well they are packed.</summary>
    private const long Free = 64 << 20;

    /// <summary>Trained numbers hardly shrink; those that are mostly zeros may.</summary>
    private const long BestPacking = 16;

    /// <param name="length">Bytes, unpacked.</param>
    /// <param name="packed">Bytes in the zip; null if nobody knows.</param>
    public static bool ShrinkTooFar(long length, long? packed) => length > Free && length / BestPacking > packed;
}
