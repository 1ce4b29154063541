using System.Text.Json;

namespace Answers;

/// <summary>A page of the help centre.</summary>
internal sealed record Page(string Title, Passage[] Passages)
{
    /// <summary>Reads a file with an array of pages in JSON.</summary>
    public static Page[] Read(string path) => JsonSerializer.Deserialize<Page[]>(File.ReadAllText(path), JsonSerializerOptions.Web)!;
}

/// <summary>A passage of a page, with questions that it answers and some that it does not.</summary>
internal sealed record Passage(string Text, PassageQuestion[] Questions);

/// <param name="Question">What a customer asks.</param>
/// <param name="Answer">Words of the passage, letter by letter; empty where it has no answer.</param>
internal sealed record PassageQuestion(string Question, string Answer);

/// <summary>A row of training or testing: the columns that the trainer reads, under their default names.</summary>
internal sealed class Asked
{
    public string Question { get; set; } = "";

    public string Context { get; set; } = "";

    public string TrainingAnswer { get; set; } = "";

    /// <summary>The character of the context at which the answer starts; -1 where there is none.</summary>
    public int AnswerIndex { get; set; } = -1;

    /// <summary>A row a question.</summary>
    public static IEnumerable<Asked> Of(IEnumerable<Page> pages) =>
        from page in pages
        from passage in page.Passages
        from asked in passage.Questions
        select new Asked
        {
            Question = asked.Question,
            Context = passage.Text,
            TrainingAnswer = asked.Answer,
            AnswerIndex = asked.Answer.Length == 0 ? -1 : passage.Text.IndexOf(asked.Answer, StringComparison.Ordinal),
        };
}

/// <summary>What the model answers: the best answers, best first. An empty one stands for "this does not say".</summary>
internal sealed class Reply
{
    public string[] Answer { get; set; } = [];

    public float[] Score { get; set; } = [];

    /// <summary>The character of the context at which each answer starts; -1 for the empty one.</summary>
    public int[] AnswerStart { get; set; } = [];
}

/// <summary>An answer that no model has given, for comparison.</summary>
internal sealed class Guess
{
    public string TrainingAnswer { get; set; } = "";

    public string Answer { get; set; } = "";
}
