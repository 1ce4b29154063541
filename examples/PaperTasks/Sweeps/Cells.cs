using System.Globalization;
using MathNet.Numerics.Statistics;

namespace PaperTasks.Sweeps;

/// <summary>Mean and deviation over the seeds of one choice of options.</summary>
/// <param name="Deviation">The sample's, with n - 1; null for one run.</param>
internal sealed record Cell(double Mean, double? Deviation, int Count)
{
    public override string ToString() => Deviation is { } deviation ? $"{Number(Mean)} ± {Number(deviation, Mean)}" : Number(Mean);

    /// <summary>Rates with three digits behind the point, large numbers without any.</summary>
    /// <param name="value">The number.</param>
    /// <param name="like">The number whose size decides; null for its own.</param>
    private static string Number(double value, double? like = null) =>
        value.ToString(Math.Abs(like ?? value) switch { >= 1_000 => "N0", >= 10 => "F1", _ => "F3" }, CultureInfo.InvariantCulture);
}

/// <summary>The cells of a table or a figure: runs by the values of some options.</summary>
internal sealed class Cells
{
    /// <summary>Stands between the values of a row's or a column's options.</summary>
    public const char Separator = '\n';

    private readonly Dictionary<(string Row, string Column), Cell> _cells = [];

    /// <param name="results">The runs; those without the value are left out.</param>
    public Cells(IEnumerable<PointResult> results, IReadOnlyList<string> rows, IReadOnlyList<string> columns, Selection selection)
    {
        List<PointResult> shown = [.. results.Where(result => selection.Has(result.Point) && result.Value(selection.Value) is not null)];
        Rows = [.. shown.Select(result => Name(result.Point, rows)).Distinct()];
        Columns = [.. shown.Select(result => Name(result.Point, columns)).Distinct()];
        Metrics = [.. shown.Select(result => selection.Value ?? result.Metric!).Distinct()];
        foreach (var runs in shown.GroupBy(result => (Name(result.Point, rows), Name(result.Point, columns))))
        {
            double[] values = [.. runs.Select(run => run.Value(selection.Value)!.Value)];
            _cells[runs.Key] = new Cell(values.Mean(), values.Length > 1 ? values.StandardDeviation() : null, values.Length);
        }
    }

    /// <summary>The values of the rows' options, in the order of the results.</summary>
    public IReadOnlyList<string> Rows { get; }

    /// <inheritdoc cref="Rows"/>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>What the cells show: more than one name if the tasks have different first metrics.</summary>
    public IReadOnlyList<string> Metrics { get; }

    /// <summary>The numbers of runs of the cells, each once.</summary>
    public IReadOnlyList<int> Counts => [.. _cells.Values.Select(cell => cell.Count).Distinct().Order()];

    /// <summary>Null where no run has these values.</summary>
    public Cell? this[string row, string column] => _cells.GetValueOrDefault((row, column));

    /// <exception cref="FormatException">Runs of a cell differ in more than their seed.</exception>
    public static void Check(string place, IEnumerable<Point> points, IReadOnlyList<string> options, Selection selection)
    {
        List<Point> shown = [.. points.Where(selection.Has)];
        if (shown.Count == 0)
            throw new FormatException($"{place}.where: no point of the sweep is like that.");
        foreach (IGrouping<string, Point> cell in shown.GroupBy(point => Name(point, options)))
        {
            foreach (string option in cell.SelectMany(point => point.Options.Keys).Distinct().Except([.. options, Grid.Seed]))
            {
                string[] values = [.. cell.Select(point => point[option] ?? "none").Distinct()];
                if (values.Length > 1)
                    throw new FormatException(
                        $"{place}: expected a mean over seeds alone, but '{cell.Key.Replace(Separator.ToString(), ", ")}' "
                        + $"has --{option} {string.Join(" and ", values)}. Show the option, or pick a value with \"where\".");
            }
        }
    }

    private static string Name(Point point, IReadOnlyList<string> options) => string.Join(Separator, options.Select(option => point[option] ?? "none"));
}
