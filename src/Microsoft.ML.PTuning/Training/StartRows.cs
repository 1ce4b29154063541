using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Chooses the training rows that a prefix begins with (<see cref="PromptStart.Examples"/>).</summary>
internal static class StartRows
{
    /// <summary>The first rows of each class in turn. Where labels are no classes, such as numbers and tags, rows with equal labels count as a class.</summary>
    /// <param name="count">How many; fewer where there are fewer rows.</param>
    /// <returns>Null for a count of 0.</returns>
    public static IReadOnlyList<EncodedRow>? Choose(ExampleSet rows, int count)
    {
        if (count == 0)
            return null;

        var classes = rows.Examples.SelectMany(example => example.Parts)
            .GroupBy(part => string.Join(' ', part.Target), part => part.Sequences[0]).Select(ofClass => ofClass.ToArray()).ToArray();
        return InTurn(classes).Take(count).ToArray();
    }

    /// <summary>The rows of several tasks in turn, as many as the first has.</summary>
    /// <returns>Null for no tasks.</returns>
    public static IReadOnlyList<EncodedRow>? InTurn(IReadOnlyList<IReadOnlyList<EncodedRow>> tasks) =>
        tasks.Count == 0 ? null : [.. InTurn<IReadOnlyList<EncodedRow>>(tasks).Take(tasks[0].Count)];

    private static IEnumerable<EncodedRow> InTurn<T>(IReadOnlyList<T> lists)
        where T : IReadOnlyList<EncodedRow> =>
        from turn in Enumerable.Range(0, lists.Max(list => list.Count))
        from list in lists
        where turn < list.Count
        select list[turn];
}
