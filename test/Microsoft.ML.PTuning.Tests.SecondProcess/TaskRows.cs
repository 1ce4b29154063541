namespace Microsoft.ML.PTuning.Tests;

/// <summary>What a model of each task reads, and what it says, as an application declares them for a <see cref="PredictionEngine{TSrc, TDst}"/>.</summary>
/// <remarks>This file is compiled into the tests and into the second process.</remarks>
internal static class TaskRows
{
    /// <summary>How many rows are predicted singly.</summary>
    public const int Singly = 5;

    public const string Decisions = "decisions", Ratings = "ratings", Tags = "tags", Classes = "classes", Choices = "choices", Answers = "answers",
        Texts = "texts";
}

internal sealed class TextRow
{
    public string Text { get; set; } = "";
}

internal sealed class Decision
{
    public bool PredictedLabel { get; set; }

    public float Score { get; set; }

    public float Probability { get; set; }
}

internal sealed class Rating
{
    public float Score { get; set; }
}

internal sealed class WordsRow
{
    public string[] Words { get; set; } = [];

    public int Predicate { get; set; }
}

internal sealed class TaggedWords
{
    public uint[] PredictedLabel { get; set; } = [];

    public float[] Score { get; set; } = [];

    public string[] Entities { get; set; } = [];
}

internal sealed class ChoicesRow
{
    public string Sentence1 { get; set; } = "";

    public string[] Choices { get; set; } = [];
}

internal sealed class Classified
{
    public uint PredictedLabel { get; set; }

    public float[] Score { get; set; } = [];
}

internal sealed class QuestionRow
{
    public string Question { get; set; } = "";

    public string Context { get; set; } = "";
}

internal sealed class Answered
{
    public string[] Answer { get; set; } = [];

    public int[] AnswerStart { get; set; } = [];

    public float[] Score { get; set; } = [];

    public float NoAnswerScore { get; set; }
}

internal sealed class Written
{
    public string GeneratedText { get; set; } = "";

    public string[] Candidates { get; set; } = [];

    public float[] Score { get; set; } = [];
}
