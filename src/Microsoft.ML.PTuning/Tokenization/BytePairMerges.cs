namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Byte-pair merging in O(n log n). It merges the pair of lowest rank, the leftmost of equals, again and again.</summary>
/// <remarks>
/// Replaces Microsoft.ML.Tokenizers for very long words. That library moves the rest of the word at every merge, and so takes quadratic time (seconds for
/// 100,000 characters). The ids are the same.
/// </remarks>
internal sealed class BytePairMerges(Dictionary<(int Left, int Right), (int Rank, int Merged)> merges)
{
    public static BytePairMerges From(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> pairs)
    {
        var merges = new Dictionary<(int, int), (int, int)>(pairs.Count);
        for (var rank = 0; rank < pairs.Count; rank++)
        {
            var (left, right) = pairs[rank];
            merges[(vocabulary.Ids[left], vocabulary.Ids[right])] = (rank, vocabulary.Ids[left + right]);
        }

        return new BytePairMerges(merges);
    }

    /// <param name="ids">Ids of the single bytes of a word.</param>
    /// <returns>Ids after all merges.</returns>
    public List<int> Merge(int[] ids)
    {
        var previous = new int[ids.Length];
        var next = new int[ids.Length];
        var queue = new PriorityQueue<(int At, int Left, int Right, int Merged), (int Rank, int At)>();
        for (var i = 0; i < ids.Length; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1 < ids.Length ? i + 1 : -1;
            Enqueue(i);
        }

        while (queue.TryDequeue(out var pair, out _))
        {
            var right = next[pair.At];
            if (ids[pair.At] != pair.Left || right < 0 || ids[right] != pair.Right)
                continue;

            ids[pair.At] = pair.Merged;
            ids[right] = -1;
            next[pair.At] = next[right];
            if (next[right] >= 0)
                previous[next[right]] = pair.At;

            Enqueue(pair.At);
            if (previous[pair.At] >= 0)
                Enqueue(previous[pair.At]);
        }

        var merged = new List<int>();
        for (var i = 0; i >= 0 && i < ids.Length; i = next[i])
            merged.Add(ids[i]);
        return merged;

        void Enqueue(int at)
        {
            if (next[at] >= 0 && merges.TryGetValue((ids[at], ids[next[at]]), out var merge))
                queue.Enqueue((at, ids[at], ids[next[at]], merge.Merged), (merge.Rank, at));
        }
    }
}
