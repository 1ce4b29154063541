using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Questions on contexts of the words a, b, c, ..., for which there is a tokenizer: token ids count from 5.</summary>
internal static class WordQuestions
{
    public const int Classification = 2, Separator = 3, A = 5;

    public static QuestionAnswering Task { get; } = new()
    {
        ContextColumnName = "Context",
        QuestionColumnName = "Question",
        TrainingAnswerColumnName = "TrainingAnswer",
        AnswerIndexColumnName = "AnswerIndex",
        PredictedAnswerColumnName = "Answer",
        ScoreColumnName = "Score",
        AnswerStartColumnName = "AnswerStart",
        NoAnswerScoreColumnName = "NoAnswerScore",
        TopK = 3,
        NBest = 20,
        MaxAnswerLength = 30,
        DocumentStride = 2,
        NoAnswerThreshold = 0,
        MaxLength = 12,
        AllowsNoAnswer = true,
    };

    /// <summary>A row to score, or with an answer at its first place in the context; "" for none.</summary>
    public static AnswerExample Row(string context, string question = "q", string? answer = null, int maxLength = 12, int overlap = 2) =>
        Row(context, question, answer is null ? null : GoldAnswer.Of(answer, context.IndexOf(answer, StringComparison.Ordinal)), maxLength, overlap);

    public static AnswerExample Row(string context, string question, GoldAnswer? gold, int maxLength = 12, int overlap = 2)
    {
        using var folder = TokenizerFolder.WordPiece("{}", [.. "abcdefghijklmnopqrstuvwxyz".Select(letter => letter.ToString())]);
        return AnswerExample.Encode(folder.Load(), question, context, gold, maxLength, overlap);
    }

    /// <summary>Logits of a row: 0 but for those that are named.</summary>
    /// <param name="starts">Window, token of the context, start's logit; token -1 is the first of the sequence.</param>
    /// <param name="ends">The same for ends.</param>
    public static float[][] Logits(AnswerExample row, (int Window, int Token, float Logit)[] starts, (int Window, int Token, float Logit)[] ends)
    {
        var logits = row.Parts.Select(part => new float[2 * part.Length]).ToArray();
        foreach (var (window, token, logit) in starts)
            logits[window][2 * Position(window, token)] = logit;
        foreach (var (window, token, logit) in ends)
            logits[window][2 * Position(window, token) + 1] = logit;
        return logits;

        int Position(int window, int token) => token < 0 ? 0 : row.TextStart + token - row.Windows[window].Start;
    }
}
