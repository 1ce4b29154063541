using System.Globalization;
using System.Text;

namespace PaperTasks.Sweeps;

/// <summary>What the results of a sweep come to: tables as Markdown, and figures beside them.</summary>
internal sealed class SweepReport(SweepFile file, SweepPlan plan, SweepResults results)
{
    private const string ResultsEnding = ".results.jsonl";

    /// <summary>Refuses tables and figures that would mix what is not alike, before anything runs.</summary>
    /// <exception cref="FormatException">There is such a table or figure.</exception>
    public static void Check(SweepFile file)
    {
        List<Point> points = [.. file.Grids.SelectMany(grid => grid.Supposed())];
        foreach (TableRequest table in file.Tables)
            Cells.Check(table.Place, points, [.. table.Rows, .. table.Columns], table.Selection);
        foreach (FigureRequest figure in file.Figures)
        {
            Cells.Check(figure.Place, points, figure.Series is null ? [figure.X] : [figure.X, figure.Series], figure.Selection);
            double least = figure.IsLogarithmic ? double.Epsilon : double.NegativeInfinity;
            if (figure.IsLines && points.Find(point => figure.Selection.Has(point) && !(Point.AsNumber(point[figure.X]) >= least)) is { } other)
                throw new FormatException(
                    $"{figure.Place}.x: expected an option whose values are numbers{(figure.IsLogarithmic ? " above 0" : "")}, "
                    + $"but --{figure.X} is {other[figure.X] ?? "open"}.");
        }
    }

    /// <summary>Writes the report and its figures beside the results.</summary>
    /// <param name="resultsPath">The results' file.</param>
    /// <returns>The path of the report.</returns>
    public string Write(string resultsPath)
    {
        string folder = Path.GetDirectoryName(resultsPath)!, name = Path.GetFileName(resultsPath);
        name = name.EndsWith(ResultsEnding, StringComparison.Ordinal) ? name[..^ResultsEnding.Length] : Path.GetFileNameWithoutExtension(name);
        List<PointResult> reported = [.. plan.Reported.Select(Find).OfType<PointResult>()];

        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# {file.Name}").AppendLine();
        text.AppendLine(Summary(reported));
        foreach (TableRequest table in file.Tables)
        {
            var cells = new Cells(reported, table.Rows, table.Columns, table.Selection);
            if (cells.Rows.Count > 0)
                AppendTable(text, table, cells);
        }
        foreach (Grid grid in file.Grids.Where(grid => grid.Choice is not null))
            AppendTried(text, grid);
        foreach (FigureRequest figure in file.Figures)
        {
            var cells = new Cells(reported, [figure.X], figure.Series is null ? [] : [figure.Series], figure.Selection);
            if (cells.Rows.Count == 0)
                continue;

            string picture = $"{name}.{figure.Name}";
            SweepFigure.Save(figure, cells, Path.Combine(folder, picture));
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"![{figure.Title ?? figure.Name}]({Uri.EscapeDataString($"{picture}.png")})");
        }

        string path = Path.Combine(folder, $"{name}.md");
        File.WriteAllText(path, text.ToString());
        return path;
    }

    // The point of the plan has the labels.
    private PointResult? Find(Point point) => results.Find(point) is { } found ? found with { Point = point } : null;

    private string Summary(List<PointResult> reported)
    {
        if (reported.Count == 0)
            return $"There are no results yet of {plan.Reported.Count + plan.Open} runs.";

        string[] commits = [.. Values("commit").Select(commit => commit[..Math.Min(7, commit.Length)])], machines = [.. Values("machine")];
        string missing = reported.Count < plan.Reported.Count + plan.Open ? $" of {plan.Reported.Count + plan.Open}" : "";
        return $"{reported.Count}{missing} runs{(commits.Length > 0 ? $", commit {string.Join(", ", commits)}" : "")}"
            + $"{(machines.Length > 0 ? $", on {string.Join("; ", machines)}" : "")}.";

        IEnumerable<string> Values(string name) => reported.Select(result => (string?)result.Values[name]).OfType<string>().Distinct();
    }

    private static void AppendTable(StringBuilder text, TableRequest table, Cells cells)
    {
        string by = table.Columns.Count > 0 ? $" by {Titles(table.Columns)}" : "";
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"## {table.Title ?? $"{Titles(table.Rows)}{by}"}");
        string seeds = cells.Counts is [var count] ? $"{count} {(count == 1 ? "run" : "seeds")} each" : "the number of runs in brackets";
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"Mean ± standard deviation of {string.Join(" or ", cells.Metrics)}, {seeds}.").AppendLine();
        AppendRow(text, [.. table.Rows.Select(Point.Title), .. table.Columns.Count > 0 ? cells.Columns.Select(Name) : [string.Join(" or ", cells.Metrics)]]);
        AppendRow(text, [.. table.Rows.Select(_ => "---"), .. cells.Columns.Select(_ => "---:")]);
        foreach (string row in cells.Rows)
            AppendRow(text, [.. row.Split(Cells.Separator), .. cells.Columns.Select(column => Describe(cells[row, column], cells.Counts.Count > 1))]);
    }

    private static string Titles(IEnumerable<string> options) => string.Join(", ", options.Select(Point.Title));

    private static string Name(string values) => values.Replace(Cells.Separator.ToString(), ", ");

    private static string Describe(Cell? cell, bool withCount) => cell is null ? "" : withCount ? $"{cell} ({cell.Count})" : $"{cell}";

    private void AppendTried(StringBuilder text, Grid grid)
    {
        string by = string.Join(", ", grid.Choice!.By);
        var tried = grid.Tried(point => results.Find(point)?.Value(null), results.HasEnded).ToList();
        if (tried.TrueForAll(value => value.Mean is null))
            return;

        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"## Choice of {by}");
        text.AppendLine().AppendLine("Mean of the first metric on training rows that were held out. The best value of each row was used.").AppendLine();
        List<string> values =
        [
            .. tried.GroupBy(value => string.Join(", ", value.By)).Where(column => column.Any(value => value.Mean is not null)).Select(column => column.Key),
        ];
        AppendRow(text, [.. grid.Choice.Per.Select(Point.Title), .. values]);
        AppendRow(text, [.. grid.Choice.Per.Select(_ => "---"), .. values.Select(_ => "---:")]);
        foreach (var group in tried.GroupBy(value => string.Join(", ", value.Per.Select(option => option ?? "none"))))
        {
            double? best = group.Max(value => value.Mean);
            string? chosen = group.Where(value => value.Mean == best).Select(value => string.Join(", ", value.By)).FirstOrDefault();
            AppendRow(text, [
                .. group.First().Per.Select(option => option ?? "none"),
                .. values.Select(value => group.Where(one => string.Join(", ", one.By) == value).Select(one => one.Mean).FirstOrDefault() is { } mean
                    ? value == chosen ? $"**{new Cell(mean, null, 1)}**" : $"{new Cell(mean, null, 1)}"
                    : "")]);
        }
    }

    private static void AppendRow(StringBuilder text, IEnumerable<string> cells) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"| {string.Join(" | ", cells.Select(cell => cell.Replace("|", "\\|")))} |");
}
