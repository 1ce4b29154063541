namespace PaperTasks.DataSets;

/// <summary>A row of a data set as its file has it: one text or two, the label in the file's spelling, and the line where it stands.</summary>
internal sealed record Example(string Sentence1, string? Sentence2, string Label, int Line);
