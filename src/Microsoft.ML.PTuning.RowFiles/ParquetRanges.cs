namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Ranges of a Parquet file's rows. Small row groups share a range, and a range never has rows of two large ones, which are read as a whole.</summary>
internal static class ParquetRanges
{
    /// <param name="groups">The rows of each group.</param>
    public static IReadOnlyList<RowRange> Of(IReadOnlyList<long> groups, int rows)
    {
        List<RowRange> ranges = [];
        long start = 0, end = 0;
        foreach (var group in groups)
        {
            if (end + group - start > rows)
                Close();
            var behind = end + group;
            for (; behind - start > rows; Close())
                end = start + rows;
            end = behind;
        }

        Close();
        return ranges;

        void Close()
        {
            if (end > start)
                ranges.Add(new RowRange(start, end, start + 1, end - start));
            start = end;
        }
    }
}
