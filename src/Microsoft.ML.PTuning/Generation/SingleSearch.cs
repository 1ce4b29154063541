using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Generation;

/// <summary>Writes each text by itself: the most probable token each time (greedy search), or one that is drawn.</summary>
internal sealed class SingleSearch(GenerationSettings settings, TextEnd end) : ITextSearch
{
    private readonly NextTokenRules _rules = new(settings, end);

    /// <summary>Is called with a row's number and each of its tokens, but for the end of the text, on the thread that computes; null for nothing.</summary>
    public Action<int, int>? OnToken { get; init; }

    public WrittenText[][] Write(TokenStream stream, IReadOnlyList<int> seeds, Action checkCancelled)
    {
        var count = settings.Candidates;
        Draft[] drafts = [.. seeds.SelectMany((seed, row) => Enumerable.Range(0, count).Select(i => new Draft(row, new(StableHash.Of([settings.Seed, seed, i])))))];
        List<Draft> open = [.. drafts];
        for (var step = 0; open.Count > 0 && step < settings.MaxNewTokens; step++)
        {
            checkCancelled();
            int[]? copies = step == 0 && count > 1 ? [.. drafts.Select(draft => draft.Row)] : null;
            var ids = Choose(stream, open, copies);
            if (copies is not null)
                stream.Select(copies);

            List<int> going = [];
            for (var i = 0; i < open.Count; i++)
            {
                if (ids[i] != end.Id)
                    OnToken?.Invoke(open[i].Row, ids[i]);
                if (!open[i].IsEnded)
                    going.Add(i);
            }
            if (step == settings.MaxNewTokens - 1 || going.Count == 0)
                break;
            stream.Select(going);
            stream.Write([.. going.Select(i => ids[i])]);
            open = [.. going.Select(i => open[i])];
        }
        return [.. drafts.Chunk(count).Select(own => own.Select(draft => draft.ToText()).OrderByDescending(text => text.Score(settings.LengthPenalty)).ToArray())];
    }

    /// <param name="copies">For each text the row that scores its first token; null where each has its own.</param>
    private int[] Choose(TokenStream stream, List<Draft> open, int[]? copies)
    {
        using var scope = NewDisposeScope();
        var logits = _rules.Apply(stream.Score(copies), [.. open.Select(draft => draft.Tokens)]);
        var logs = nn.functional.log_softmax(logits, 1);
        var (values, indices) = settings.Samples
            ? logs.topk(settings.TopK > 0 ? (int)Math.Min(settings.TopK, logs.size(1)) : (int)logs.size(1), 1)
            : logs.max(1, keepdim: true);
        var (probabilities, ids) = (values.cpu().data<float>().ToArray(), indices.cpu().data<long>().ToArray());
        var width = ids.Length / open.Count;
        var chosen = new int[open.Count];
        for (var i = 0; i < open.Count; i++)
        {
            var of = probabilities.AsSpan(i * width, width);
            var rank = settings.Samples ? Draw(of, open[i].Random) : 0;
            chosen[i] = (int)ids[i * width + rank];
            open[i].Add(chosen[i], of[rank], end);
        }
        return chosen;
    }

    /// <param name="logs">Log-probabilities, the largest first.</param>
    /// <returns>The place of the one that is drawn.</returns>
    private int Draw(ReadOnlySpan<float> logs, Random random)
    {
        Span<double> weights = logs.Length <= 256 ? stackalloc double[logs.Length] : new double[logs.Length];
        var sum = 0.0;
        for (var i = 0; i < logs.Length; i++)
            sum += weights[i] = Math.Exp((logs[i] - logs[0]) / settings.Temperature);

        var (kept, mass) = (0, 0.0);
        do
            mass += weights[kept++];
        while (kept < logs.Length && mass < settings.TopP * sum);

        var point = random.NextDouble() * mass;
        for (var i = 0; i < kept - 1; i++)
            if ((point -= weights[i]) < 0)
                return i;
        return kept - 1;
    }

    /// <summary>A text that is being written.</summary>
    private sealed class Draft(int row, Random random)
    {
        private double _logProbability;
        private int _scored;

        public int Row { get; } = row;

        public Random Random { get; } = random;

        public List<int> Tokens { get; } = [];

        public bool IsEnded { get; private set; }

        public void Add(int id, double logProbability, TextEnd end)
        {
            _logProbability += logProbability;
            _scored++;
            if (id == end.Id)
            {
                IsEnded = true;
                return;
            }
            Tokens.Add(id);
            IsEnded = end.IsStop?.Invoke(Tokens) ?? false;
        }

        public WrittenText ToText() => new(Tokens, _logProbability, IsEnded) { ScoredTokens = _scored };
    }
}
