namespace PaperTasks.DataSets;

/// <summary>A row of a data set as its file has it: one text or two, the label in the file's spelling, and the line where it stands.</summary>
internal sealed record Example(string Sentence1, string? Sentence2, string Label, int Line) : IDataRow
{
    public object Source => Line;

    public string Text => Sentence2 is null ? Sentence1 : $"{Sentence1}\n{Sentence2}";

    /// <summary>What the row proposes, where several rows answer one question.</summary>
    public Candidate? Candidate { get; init; }
}

/// <summary>A possible answer to a question.</summary>
/// <param name="Question">Identifies the question within its file; the rows of a question stand together.</param>
/// <param name="Text">The answer.</param>
/// <param name="RightAnswers">The answers that are right, this one among them or not.</param>
internal sealed record Candidate(string Question, string Text, IReadOnlyList<string> RightAnswers);
