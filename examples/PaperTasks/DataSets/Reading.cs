namespace PaperTasks.DataSets;

/// <summary>How a task's files are read, and how much of them.</summary>
/// <param name="Template">Which of the official code's two wordings, 0 or 1, where a task has them.</param>
/// <param name="Limit">How many training rows to keep, the first ones; null for all.</param>
/// <param name="DevLimit">The same of the development rows.</param>
/// <param name="TokenColumn">Column of the words in a file of tagged words, counted from 0; null for the layout's own.</param>
/// <param name="LabelColumn">Column of the tags, likewise.</param>
internal sealed record Reading(int Template = 0, int? Limit = null, int? DevLimit = null, int? TokenColumn = null, int? LabelColumn = null)
{
    public static Reading Everything { get; } = new();
}
