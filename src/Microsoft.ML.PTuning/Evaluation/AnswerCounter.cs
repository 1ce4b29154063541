namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Sums exact match and F1 over questions, apart for those with and without an answer.</summary>
internal sealed class AnswerCounter
{
    private readonly Sums _answerable = new();
    private readonly Sums _unanswerable = new();

    /// <param name="predicted">The answer; empty for none.</param>
    /// <param name="golds">The references. The question has no answer where there is none, or empty ones only.</param>
    public void Add(string predicted, IReadOnlyList<string> golds)
    {
        var sums = golds.Any(gold => gold.Length > 0) ? _answerable : _unanswerable;
        sums.Count++;
        sums.ExactMatch += AnswerMatch.ExactMatch(predicted, golds) ? 1 : 0;
        sums.F1 += AnswerMatch.F1(predicted, golds);
    }

    /// <exception cref="InvalidOperationException">No question was added.</exception>
    public QuestionAnswerMetrics Measure() => new(
        Sums.Of(_answerable, _unanswerable).Mean ?? throw new InvalidOperationException("There is no question to measure; expected one or more."),
        _answerable.Mean, _unanswerable.Mean);

    private sealed class Sums
    {
        public int Count { get; set; }

        public int ExactMatch { get; set; }

        public double F1 { get; set; }

        public QuestionAnswerScore? Mean => Count == 0 ? null : new((double)ExactMatch / Count, F1 / Count, Count);

        public static Sums Of(Sums a, Sums b) => new() { Count = a.Count + b.Count, ExactMatch = a.ExactMatch + b.ExactMatch, F1 = a.F1 + b.F1 };
    }
}
