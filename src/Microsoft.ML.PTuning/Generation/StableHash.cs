namespace Microsoft.ML.PTuning.Generation;

/// <summary>A hash that is the same in every process, as that of <see cref="HashCode"/> is not: FNV-1a.</summary>
internal static class StableHash
{
    /// <returns>0 or more.</returns>
    public static int Of(ReadOnlySpan<int> numbers)
    {
        var hash = 2166136261u;
        foreach (var number in numbers)
            hash = unchecked((hash ^ (uint)number) * 16777619u);
        return (int)(hash >> 1);
    }
}
