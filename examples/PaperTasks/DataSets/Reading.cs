namespace PaperTasks.DataSets;

/// <summary>How a task's files are read, and how much of them.</summary>
/// <param name="Template">Which of the official code's two wordings, 0 or 1, where a task has them.</param>
/// <param name="Limit">How many training rows to keep, the first ones; null for all.</param>
/// <param name="DevLimit">The same of the development rows.</param>
/// <param name="TokenColumn">Column of the words in a file of tagged words, counted from 0; null for the layout's own.</param>
/// <param name="LabelColumn">Column of the tags or the label, likewise.</param>
/// <param name="HasHeader">Whether the first line names the columns, in a file that may have such a line or not.</param>
/// <param name="HoldOut">Share of the training rows that is judged in place of the development rows; null for none.</param>
/// <param name="PerClass">How many training rows of each class to keep, drawn at random; null for all.</param>
internal sealed record Reading(
    int Template = 0, int? Limit = null, int? DevLimit = null, int? TokenColumn = null, int? LabelColumn = null, bool HasHeader = false,
    double? HoldOut = null, int? PerClass = null)
{
    public static Reading Everything { get; } = new();

    /// <summary>Whether the development rows are meant, where one file holds both.</summary>
    public bool IsDev { get; init; }

    /// <summary>Draws the rows of a run: first those held out, then from the others those of each class.</summary>
    public TaskData Draw(TaskData data, int seed)
    {
        var random = new Random(seed);
        if (HoldOut is { } share)
            data = data.HoldOut(share, random);
        return PerClass is { } rows ? data.TakePerClass(rows, random) : data;
    }
}
