namespace Microsoft.ML.PTuning.Compute;

/// <summary>Groups rows of similar length, so that batches have little padding.</summary>
/// <remarks>Real texts are short and uneven. The official scripts pad all to one length, and so compute mostly padding.</remarks>
internal static class BatchPlanner
{
    /// <summary>
    /// Tokens that a core computes at once: enough to keep it busy. More tokens are hardly faster, mix more lengths, take more memory, and let an
    /// online row wait longer for a backward pass.
    /// </summary>
    public const int CoreBudget = 512;

    /// <summary>Batches per window. Rows are sorted by length within a window: wide enough to sort, narrow enough to shuffle.</summary>
    private const int WindowBatches = 32;

    /// <summary>Plans an epoch: random order of rows, sorted by length within each window, then random order of batches.</summary>
    /// <param name="lengths">Tokens of each row.</param>
    /// <param name="batchSize">Rows of a batch; the last may have fewer.</param>
    /// <returns>Row numbers of each batch, longest first. Every row appears once.</returns>
    public static IReadOnlyList<int[]> PlanEpoch(IReadOnlyList<int> lengths, int batchSize, Random random)
    {
        var rows = Enumerable.Range(0, lengths.Count).ToArray();
        random.Shuffle(rows);

        var batches = rows
            .Chunk((int)Math.Min((long)batchSize * WindowBatches, int.MaxValue))
            .SelectMany(window => window.OrderByDescending(row => lengths[row]).Chunk(batchSize))
            .ToArray();
        random.Shuffle(batches);
        return batches;
    }

    /// <summary>Sorts rows by length, longest first, and cuts them into batches of limited size.</summary>
    /// <param name="lengths">Tokens of each row's longest sequence.</param>
    /// <param name="sequences">Sequences of each row, which stay together.</param>
    /// <param name="tokenBudget">Largest number of tokens per batch, padding included; a longer row gets a batch of its own.</param>
    /// <returns>Row numbers of each batch. Every row appears once.</returns>
    public static IReadOnlyList<int[]> PlanByTokens(IReadOnlyList<int> lengths, IReadOnlyList<int> sequences, int tokenBudget)
    {
        var batches = new List<int[]>();
        var batch = new List<int>();
        var height = 0L;
        foreach (var row in Enumerable.Range(0, lengths.Count).OrderByDescending(row => lengths[row]))
        {
            if (batch.Count > 0 && (height + sequences[row]) * lengths[batch[0]] > tokenBudget)
            {
                batches.Add([.. batch]);
                batch.Clear();
                height = 0;
            }
            batch.Add(row);
            height += sequences[row];
        }
        if (batch.Count > 0)
            batches.Add([.. batch]);
        return batches;
    }

    /// <summary>Cuts a core's share of a batch into micro-batches of about <see cref="CoreBudget"/> tokens, at least one row each.</summary>
    /// <param name="tokens">Tokens of each row, longest first.</param>
    /// <returns>Where each micro-batch begins and ends.</returns>
    public static IReadOnlyList<Range> SplitForCore(IReadOnlyList<int> tokens) =>
        Split(tokens, (int)((tokens.Sum(count => (long)count) + CoreBudget - 1) / CoreBudget));

    /// <summary>Cuts a batch that is sorted by length into parts of about equal token counts, at least one row each.</summary>
    /// <returns>Where each part begins and ends.</returns>
    public static IReadOnlyList<Range> Split(IReadOnlyList<int> lengths, int parts)
    {
        parts = Math.Min(parts, lengths.Count);
        var total = lengths.Sum(l => (long)l);
        var ranges = new List<Range>(parts);
        var (start, sum) = (0, 0L);
        for (var row = 0; row < lengths.Count; row++)
        {
            sum += lengths[row];
            var isLastPart = ranges.Count == parts - 1;
            var rowsLeft = lengths.Count - row - 1;
            var isFull = sum * parts >= total * (ranges.Count + 1) || rowsLeft == parts - ranges.Count - 1;
            if (isLastPart || !isFull)
                continue;
            ranges.Add(start..(row + 1));
            start = row + 1;
        }
        ranges.Add(start..lengths.Count);
        return ranges;
    }
}
