using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Finds a row's answers from the logits of its windows, as SQuAD is decoded (Devlin et al. 2019; Hugging Face's examples).</summary>
/// <remarks>
/// Each window pairs its n best starts with its n best ends among the context's tokens. A start counts only in the window that shows most of its
/// context. Pairs that end before they start, or that have too many tokens, are dropped. The n best pairs of all windows remain. Equal words at
/// different places are different answers; the same place found twice is one answer.
/// </remarks>
/// <param name="best">The number of starts, ends and answers, n.</param>
/// <param name="longest">Longest answer in tokens.</param>
internal sealed class AnswerSearch(int best, int longest)
{
    private readonly int[] _starts = new int[best];
    private readonly int[] _ends = new int[best];
    private readonly List<AnswerSpan> _found = new(best);

    /// <summary>The n best answers, best first; among equal scores the one found first. There is at least one if the context has a token.</summary>
    /// <param name="logits">For each window, two numbers per token of its sequence: start and end.</param>
    public static IReadOnlyList<AnswerSpan> Find(AnswerExample example, IReadOnlyList<float[]> logits, int best, int longest)
    {
        var search = new AnswerSearch(best, Math.Min(longest, example.Tokens.Length));
        WindowLogits[] windows = [.. example.Windows.Select((window, i) => new WindowLogits(example, window, logits[i]))];
        foreach (var window in windows)
            search.OfferPairs(window);
        if (search._found.Count == 0)
        {
            foreach (var window in windows)
                search.OfferNearestEnds(window);
        }
        return search._found;
    }

    /// <summary>The score of "no answer": the sum of the two logits of <c>[CLS]</c>, in the window where it is least.</summary>
    public static float ScoreOfNone(IReadOnlyList<float[]> logits) => logits.Min(window => window[0] + window[1]);

    private void OfferPairs(WindowLogits window)
    {
        var (starts, ends) = (window.SelectStarts(_starts), window.SelectEnds(_ends, longest));
        foreach (var start in _starts.AsSpan(0, starts))
        {
            foreach (var end in _ends.AsSpan(0, ends))
            {
                if (!IsAmongBest(window.Start(start) + window.End(end)))
                    break; // All further ends are worse.
                if (end >= start && end - start < longest)
                    Offer(window.Span(start, end));
            }
        }
    }

    // Used if no pair was found: pairs each of the best starts with the best end in its reach, at least itself.
    private void OfferNearestEnds(WindowLogits window)
    {
        foreach (var start in _starts.AsSpan(0, window.SelectStarts(_starts)))
            Offer(window.Span(start, window.BestEnd(start, longest)));
    }

    private bool IsAmongBest(float score) => _found.Count < best || score > _found[^1].Score;

    private void Offer(AnswerSpan span)
    {
        if (!IsAmongBest(span.Score))
            return;

        for (var i = 0; i < _found.Count; i++)
        {
            if (_found[i].Start != span.Start || _found[i].End != span.End)
                continue;
            if (_found[i].Score >= span.Score)
                return;
            _found.RemoveAt(i);
            break;
        }
        if (_found.Count == best)
            _found.RemoveAt(best - 1);

        var at = _found.Count;
        while (at > 0 && _found[at - 1].Score < span.Score)
            at--;
        _found.Insert(at, span);
    }

    /// <summary>A window's logits, by the context's tokens.</summary>
    private sealed class WindowLogits(AnswerExample example, AnswerWindow window, float[] logits)
    {
        private const int StartKind = 0, EndKind = 1;

        private readonly int _shift = example.TextStart - window.Start; // From the context's tokens to positions of the sequence.

        public float Start(int token) => Logit(token, StartKind);

        public float End(int token) => Logit(token, EndKind);

        public int SelectStarts(int[] selected) => Select(window.FirstAnswer, window.LastAnswer, StartKind, selected);

        public int SelectEnds(int[] selected, int longest) =>
            Select(window.FirstAnswer, Math.Min(window.End, window.LastAnswer - 1 + longest), EndKind, selected);

        public int BestEnd(int start, int longest)
        {
            var best = start;
            for (var token = start + 1; token < Math.Min(window.End, start + longest); token++)
                best = HasCharacters(token) && End(token) > End(best) ? token : best;
            return best;
        }

        public AnswerSpan Span(int start, int end)
        {
            var (first, last) = (example.Tokens[start], example.Tokens[end]);
            var (begin, after) = InvisibleCharacters.Trim(example.Context, first.Start, last.Start + last.Length);
            return new AnswerSpan(begin, after, Start(start) + End(end), start + _shift);
        }

        // The tokens [from, to) with the largest logits, best first; a token without characters is no answer.
        private int Select(int from, int to, int kind, int[] selected)
        {
            var count = 0;
            for (var token = from; token < to; token++)
            {
                var logit = Logit(token, kind);
                if (!HasCharacters(token) || (count == selected.Length && !(logit > Logit(selected[^1], kind))))
                    continue;

                var at = count < selected.Length ? count++ : count - 1;
                for (; at > 0 && Logit(selected[at - 1], kind) < logit; at--)
                    selected[at] = selected[at - 1];
                selected[at] = token;
            }
            return count;
        }

        private float Logit(int token, int kind) => logits[2 * (token + _shift) + kind];

        private bool HasCharacters(int token)
        {
            var (start, length) = (example.Tokens[token].Start, example.Tokens[token].Length);
            var (begin, after) = InvisibleCharacters.Trim(example.Context, start, start + length);
            return after > begin;
        }
    }
}
