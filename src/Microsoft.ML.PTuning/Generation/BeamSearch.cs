using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Generation;

/// <summary>Beam search: keeps the most probable beginnings of each text, as transformers does.</summary>
/// <remarks>The rules hold for logarithms of probabilities, as there.</remarks>
internal sealed class BeamSearch(GenerationSettings settings, TextEnd end) : ITextSearch
{
    private readonly NextTokenRules _rules = new(settings, end);

    private int Beams => settings.Beams;

    public WrittenText[][] Write(TokenStream stream, IReadOnlyList<int> seeds, Action checkCancelled)
    {
        Search[] all = [.. seeds.Select(_ => new Search(settings, end))];
        List<Search> open = [.. all];
        for (var step = 0; step < settings.MaxNewTokens; step++)
        {
            checkCancelled();
            int[]? copies = step == 0 ? [.. Enumerable.Range(0, stream.Rows).SelectMany(row => Enumerable.Repeat(row, Beams))] : null;
            var candidates = Rank(stream, copies, open);
            if (copies is not null)
                stream.Select(copies);
            for (var i = 0; i < open.Count; i++)
                open[i].Advance(candidates[i]);

            int[] going = [.. Enumerable.Range(0, open.Count).Where(i => !open[i].IsDone)];
            if (step == settings.MaxNewTokens - 1 || going.Length == 0)
                break;
            stream.Select([.. going.SelectMany(i => open[i].Beams.Select(beam => i * Beams + beam.Parent))]);
            stream.Write([.. going.SelectMany(i => open[i].Beams.Select(beam => beam.Tokens[^1]))]);
            open = [.. going.Select(i => open[i])];
        }
        return [.. all.Select(search => search.Finish())];
    }

    /// <param name="copies">For each beam the row that scores its first token; null where each has its own.</param>
    /// <returns>For each text the best continuations of its beams, twice as many as there are beams, so that enough are left if half of them end.</returns>
    private Candidate[][] Rank(TokenStream stream, int[]? copies, List<Search> open)
    {
        using var scope = NewDisposeScope();
        Beam[] beams = [.. open.SelectMany(search => search.Beams)];
        var logs = _rules.Apply(nn.functional.log_softmax(stream.Score(copies), 1), [.. beams.Select(beam => beam.Tokens)]);
        var vocabulary = logs.size(1);
        var sums = tensor([.. beams.Select(beam => (float)beam.LogProbability)], beams.Length, 1).ToDevice(logs.device);
        var count = (int)Math.Min(2 * Beams, Beams * vocabulary);
        var (values, indices) = logs.Plus(sums).view(open.Count, -1).topk(count, 1);
        var (scores, places) = (values.cpu().data<float>().ToArray(), indices.cpu().data<long>().ToArray());
        return [.. scores.Zip(places, (score, place) => new Candidate((int)(place / vocabulary), (int)(place % vocabulary), score)).Chunk(count)];
    }

    /// <summary>A token that continues a beam.</summary>
    private readonly record struct Candidate(int Beam, int Token, double LogProbability);

    /// <summary>The beginning of a text.</summary>
    /// <param name="Parent">The beam that it continues, by its number among those of the text.</param>
    private sealed record Beam(List<int> Tokens, double LogProbability, int Parent)
    {
        /// <summary>The log-probability of a beam that only fills a place, since a text always has as many beams.</summary>
        public const double Dead = -1e9;

        public bool IsDead => LogProbability < Dead / 2;
    }

    /// <summary>The beams of one text, and the texts that have ended.</summary>
    private sealed class Search(GenerationSettings settings, TextEnd end)
    {
        private readonly List<WrittenText> _ended = [];

        /// <summary>At first all are the same, and only the first counts.</summary>
        public Beam[] Beams { get; private set; } = [.. Enumerable.Range(0, settings.Beams).Select(i => new Beam([], i == 0 ? 0 : Beam.Dead, i))];

        public bool IsDone { get; private set; }

        public void Advance(IReadOnlyList<Candidate> candidates)
        {
            var next = new List<Beam>();
            for (var rank = 0; rank < candidates.Count && next.Count < settings.Beams; rank++)
            {
                var candidate = candidates[rank];
                if (candidate.LogProbability < Beam.Dead / 2)
                    continue; // Of a dead beam, or forbidden.

                var before = Beams[candidate.Beam].Tokens;
                List<int> tokens = candidate.Token == end.Id ? before : [.. before, candidate.Token];
                if (candidate.Token == end.Id || (end.IsStop?.Invoke(tokens) ?? false))
                {
                    if (rank < settings.Beams)
                        End(new(tokens, candidate.LogProbability, Ended: true) { ScoredTokens = before.Count + 1 });
                }
                else
                {
                    next.Add(new(tokens, candidate.LogProbability, candidate.Beam));
                }
            }

            var length = Beams[0].Tokens.Count + 1;
            IsDone = next.Count == 0
                || (_ended.Count >= settings.Beams
                    && _ended[^1].Score(settings.LengthPenalty) >= WrittenText.Score(candidates[0].LogProbability, length, settings.LengthPenalty));
            while (next.Count < settings.Beams) // The other candidates have ended.
                next.Add(new([.. Beams[0].Tokens, end.Id ?? 0], Beam.Dead, 0));
            Beams = [.. next];
        }

        /// <returns>The best texts; beams that are still open count as they stand, unless the search is done.</returns>
        public WrittenText[] Finish()
        {
            if (!IsDone || _ended.Count < settings.Candidates)
                foreach (var beam in Beams.Where(beam => !beam.IsDead))
                    End(new(beam.Tokens, beam.LogProbability, Ended: false) { ScoredTokens = beam.Tokens.Count });
            return [.. _ended.Take(settings.Candidates)];
        }

        /// <summary>Keeps the best, as many as there are beams, in order.</summary>
        private void End(WrittenText text)
        {
            var score = text.Score(settings.LengthPenalty);
            var rank = _ended.FindIndex(other => other.Score(settings.LengthPenalty) < score);
            _ended.Insert(rank < 0 ? _ended.Count : rank, text);
            if (_ended.Count > settings.Beams)
                _ended.RemoveAt(settings.Beams);
        }
    }
}
