namespace Microsoft.ML.PTuning.Formats;

/// <summary>The check number of a zip's entries (CRC-32 of ISO-HDLC, reflected polynomial 0xEDB88320). .NET's zip reader does not compare it.</summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;

    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(Entry)];

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var remainder = uint.MaxValue;
        foreach (var part in bytes)
            remainder = Table[(byte)(remainder ^ part)] ^ remainder >> 8;
        return ~remainder;
    }

    private static uint Entry(int index)
    {
        var entry = (uint)index;
        for (var bit = 0; bit < 8; bit++)
            entry = (entry & 1) != 0 ? entry >> 1 ^ Polynomial : entry >> 1;
        return entry;
    }
}
