namespace Microsoft.ML.PTuning;

/// <summary>Exact match and F1 of a set of questions.</summary>
public sealed class QuestionAnswerScore
{
    internal QuestionAnswerScore(double exactMatch, double f1, int count) => (ExactMatch, F1, Count) = (exactMatch, f1, count);

    /// <summary>The share of answers that are one of their references, 0 to 1.</summary>
    public double ExactMatch { get; }

    /// <summary>Mean F1 of the answers' words, 0 to 1.</summary>
    public double F1 { get; }

    /// <summary>Questions.</summary>
    public int Count { get; }
}

/// <summary>How well answers match their references, 0 to 1, as SQuAD's official script of version 2.0 counts.</summary>
/// <remarks>
/// Both sides are normalised: lower case, no ASCII punctuation, no articles (a, an, the), one space between words. Of several references the best
/// one counts. Where there is no answer, saying nothing is worth 1 and everything else 0 (Rajpurkar et al. 2016, 2018).
/// </remarks>
public sealed class QuestionAnswerMetrics
{
    private readonly QuestionAnswerScore _all;

    internal QuestionAnswerMetrics(QuestionAnswerScore all, QuestionAnswerScore? answerable, QuestionAnswerScore? unanswerable) =>
        (_all, Answerable, Unanswerable) = (all, answerable, unanswerable);

    /// <summary>The share of answers that are one of their references.</summary>
    public double ExactMatch => _all.ExactMatch;

    /// <summary>Mean over the questions of the F1 of the answer's words and the best reference's.</summary>
    public double F1 => _all.F1;

    /// <summary>Questions.</summary>
    public int Count => _all.Count;

    /// <summary>Of the questions that have a reference; null without such questions. The script's <c>HasAns</c>.</summary>
    public QuestionAnswerScore? Answerable { get; }

    /// <summary>Of the questions that have none; null without such questions. The script's <c>NoAns</c>.</summary>
    public QuestionAnswerScore? Unanswerable { get; }
}
