namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>What each range of a file is read with: the header of separated values; else nothing.</summary>
/// <param name="Start">The byte behind the byte order mark.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Lines">Its lines.</param>
internal sealed record FileHead(int Start, int Length, int Lines)
{
    public int End => Start + Length;
}
