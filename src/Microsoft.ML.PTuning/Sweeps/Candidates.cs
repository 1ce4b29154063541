namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>Which values of the options a sweep tries.</summary>
internal static class Candidates
{
    /// <summary>Draws per candidate after which a small space counts as exhausted.</summary>
    private const int DrawsEach = 100;

    /// <summary>Every combination; the last axis varies fastest.</summary>
    public static IReadOnlyList<object[]> Grid(IReadOnlyList<SearchAxis> axes, int steps) => [.. axes.Aggregate(
        (IEnumerable<object[]>)[[]],
        (combinations, axis) => combinations.SelectMany(left => axis.Steps(steps).Select(value => (object[])[.. left, value])))];

    /// <summary>Different combinations, drawn at random; fewer than asked for if there are no more.</summary>
    public static IReadOnlyList<object[]> Random(IReadOnlyList<SearchAxis> axes, int count, int seed)
    {
        var random = new Random(seed);
        var drawn = new List<object[]>();
        for (var draw = 0; drawn.Count < count && draw < (long)count * DrawsEach; draw++)
        {
            object[] values = [.. axes.Select(axis => axis.Draw(random))];
            if (!drawn.Any(other => other.SequenceEqual(values)))
                drawn.Add(values);
        }
        return drawn;
    }
}
