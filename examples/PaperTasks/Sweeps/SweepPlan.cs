namespace PaperTasks.Sweeps;

/// <summary>The points of a sweep, in the order in which they run. It grows as choices are made.</summary>
internal sealed class SweepPlan(IReadOnlyList<Grid> grids, SweepResults results)
{
    /// <summary>The reported points that are known so far; equal ones once.</summary>
    public IReadOnlyList<Point> Reported => Distinct(Known());

    /// <summary>Reported points that wait for a choice.</summary>
    public int Open => grids.SelectMany(ReportedOf).Count(point => point is null);

    /// <summary>All known points, those that choose first.</summary>
    public IReadOnlyList<Point> Points => Distinct(grids.SelectMany(grid => grid.Choosing(Score, results.HasEnded)).Concat(Known()));

    /// <summary>The options that tell the sweep's points from each other, in the grids' order.</summary>
    public static IReadOnlyList<string> VariedOptions(IEnumerable<Grid> grids)
    {
        List<Point> points = [.. grids.SelectMany(grid => grid.Possible())];
        IEnumerable<string> options = grids.SelectMany(grid => grid.Axes).SelectMany(axis => axis.Options)
            .Concat(points.SelectMany(point => point.Options.Keys)).Distinct(StringComparer.Ordinal);
        return [.. options.Where(option => points.Select(point => point[option]).Distinct().Count() > 1)];
    }

    private static IReadOnlyList<Point> Distinct(IEnumerable<Point> points) => [.. points.DistinctBy(point => point.Key, StringComparer.Ordinal)];

    private IEnumerable<Point> Known() => grids.SelectMany(ReportedOf).OfType<Point>();

    private IEnumerable<Point?> ReportedOf(Grid grid) => grid.Reported(Score, results.HasEnded);

    private double? Score(Point point) => results.Find(point)?.Value(null);
}
