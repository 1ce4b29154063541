namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A candidate for an answer: characters [Start, End) of the context.</summary>
/// <param name="Start">-1 for no answer.</param>
/// <param name="Score">The sum of two logits: that of its first token as a start, and that of its last as an end.</param>
/// <param name="Position">Position of its first token in its sequence.</param>
internal readonly record struct AnswerSpan(int Start, int End, float Score, int Position)
{
    public static AnswerSpan None(float score) => new(-1, -1, score, 0);

    public ReadOnlyMemory<char> In(string context) => Start < 0 ? default : context.AsMemory(Start, End - Start);
}

/// <summary>The best answers to a question, best first. "No answer" may be one of them, so there is at least one.</summary>
/// <param name="Probabilities">One per answer; those of the n best add up to 1.</param>
/// <param name="NoAnswerScore">The score of "no answer" minus that of the best answer.</param>
internal sealed record AnswerPrediction(string Context, AnswerSpan[] Answers, float[] Probabilities, float NoAnswerScore) : Prediction
{
    public AnswerSpan Best => Answers[0];

    public IReadOnlyList<ReadOnlyMemory<char>> Texts => Array.ConvertAll(Answers, answer => answer.In(Context));

    public IReadOnlyList<int> Starts => Array.ConvertAll(Answers, answer => answer.Start);

    public string BestText => Best.In(Context).ToString();
}
