using System.Globalization;
using ScottPlot;

namespace PaperTasks.Sweeps;

/// <summary>Draws a figure with a font of its own, so that it looks the same on systems without fonts.</summary>
internal static class SweepFigure
{
    private const int Width = 1600, Height = 1000;
    private const float Margin = 20;
    private const double Scale = 2, BarGroup = 0.8;
    private const string Font = "DejaVu Sans";

    // Longest text of a label that is written level under the axis, for a number of labels.
    private const int LevelCharacters = 84;

    // Okabe and Ito's colours, which the colour-blind can tell apart; black is for the deviations.
    private static readonly Color[] Palette =
    [
        .. ((string[])["#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#999999"]).Select(Color.FromHex),
    ];

    private static readonly Lazy<string> LoadedFont = new(() =>
    {
        Fonts.AddFontFile(Font, Path.Combine(Path.GetDirectoryName(typeof(SweepFigure).Assembly.Location)!, "Fonts", "DejaVuSans.ttf"));
        return Font;
    });

    /// <param name="cells">The values of the horizontal axis in the rows, the series in the columns.</param>
    /// <param name="path">The path of both files without their endings.</param>
    public static void Save(FigureRequest figure, Cells cells, string path)
    {
        using Plot plot = Draw(figure, cells);
        plot.SavePng($"{path}.png", Width, Height);
        plot.ScaleFactor = 1;
        plot.SaveSvg($"{path}.svg", (int)(Width / Scale), (int)(Height / Scale));
    }

    private static Plot Draw(FigureRequest figure, Cells cells)
    {
        var plot = new Plot { ScaleFactor = Scale };
        if (figure.IsLines)
            DrawLines(plot, figure, cells);
        else
            DrawBars(plot, figure, cells);

        plot.Font.Set(LoadedFont.Value);
        plot.Legend.FontName = LoadedFont.Value;
        plot.Title(figure.Title ?? figure.Name, 16);
        plot.Axes.Title.Label.Bold = false;
        plot.XLabel(Point.Title(figure.X).Replace('-', ' '), 14);
        plot.YLabel(string.Join(" or ", cells.Metrics), 14);
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.Axes.Bottom.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize = 12;
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            TickDensity = 0.5,
            LabelFormatter = value => value.ToString("#,0.###", CultureInfo.InvariantCulture),
            MinorTickGenerator = new ScottPlot.TickGenerators.EvenlySpacedMinorTickGenerator(1),
        };
        plot.Axes.Right.MinimumSize = Margin;
        plot.Axes.Left.MinimumSize = 4 * Margin;
        plot.Axes.Right.IsVisible = plot.Axes.Top.IsVisible = false;
        plot.Grid.MajorLineColor = Colors.Black.WithOpacity(0.12);
        plot.Grid.XAxisStyle.IsVisible = figure.IsLines;
        if (figure.Series is not null)
        {
            plot.Legend.FontSize = 12;
            plot.Legend.OutlineWidth = 0;
            plot.Legend.ShadowColor = Colors.Transparent;
            plot.Legend.Orientation = Orientation.Vertical;
            plot.ShowLegend(Edge.Right);
        }
        return plot;
    }

    private static void DrawBars(Plot plot, FigureRequest figure, Cells cells)
    {
        int series = cells.Columns.Count;
        double width = BarGroup / series;
        for (int column = 0; column < series; column++)
        {
            var bars = new List<Bar>();
            var points = new List<(double X, Cell Cell)>();
            for (int row = 0; row < cells.Rows.Count; row++)
            {
                if (cells[cells.Rows[row], cells.Columns[column]] is not { } cell)
                    continue;

                double position = row + (column - (series - 1) / 2.0) * width;
                points.Add((position, cell));
                bars.Add(new Bar
                {
                    Position = position,
                    Value = cell.Mean,
                    Size = width * 0.92,
                    FillColor = Palette[column % Palette.Length],
                    LineWidth = 0,
                });
            }
            plot.Add.Bars(bars).LegendText = SeriesName(figure, cells.Columns[column]);
            AddErrors(plot, points, Colors.Black);
        }

        SetTicks(plot, [.. Enumerable.Range(0, cells.Rows.Count).Select(row => (double)row)], cells.Rows);
        plot.Axes.Margins(bottom: cells.Rows.All(row => cells.Columns.All(column => cells[row, column] is not { Mean: < 0 })) ? 0 : 0.1, top: 0.08);
    }

    private static void DrawLines(Plot plot, FigureRequest figure, Cells cells)
    {
        double At(string row) => figure.IsLogarithmic ? Math.Log10(Point.AsNumber(row)!.Value) : Point.AsNumber(row)!.Value;

        List<string> rows = [.. cells.Rows.OrderBy(At)];
        for (int column = 0; column < cells.Columns.Count; column++)
        {
            List<(double X, Cell Cell)> points =
                [.. rows.Where(row => cells[row, cells.Columns[column]] is not null).Select(row => (At(row), cells[row, cells.Columns[column]]!))];
            double[] xs = [.. points.Select(point => point.X)], ys = [.. points.Select(point => point.Cell.Mean)];
            Color color = Palette[column % Palette.Length];
            var line = plot.Add.Scatter(xs, ys, color);
            (line.LineWidth, line.MarkerSize, line.LegendText) = (2, 8, SeriesName(figure, cells.Columns[column]));
            AddErrors(plot, points, color);
        }
        SetTicks(plot, [.. rows.Select(At)], rows);
    }

    private static string SeriesName(FigureRequest figure, string value) =>
        Point.AsNumber(value) is null ? value : $"{Point.Title(figure.Series!).Replace('-', ' ')} {value}";

    private static void AddErrors(Plot plot, IReadOnlyList<(double X, Cell Cell)> points, Color color)
    {
        List<(double X, Cell Cell)> known = [.. points.Where(point => point.Cell.Deviation is not null)];
        if (known.Count == 0)
            return;

        ScottPlot.Plottables.ErrorBar errors = plot.Add.ErrorBar(
            [.. known.Select(point => point.X)], [.. known.Select(point => point.Cell.Mean)], [.. known.Select(point => point.Cell.Deviation!.Value)]);
        (errors.Color, errors.LineWidth, errors.CapSize) = (color, 1.5f, 5);
    }

    private static void SetTicks(Plot plot, double[] positions, IReadOnlyList<string> labels)
    {
        plot.Axes.Bottom.SetTicks(positions, [.. labels]);
        if (labels.Max(label => label.Length) * labels.Count <= LevelCharacters)
            return;

        plot.Axes.Bottom.TickLabelStyle.Rotation = -35;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleRight;
        plot.Axes.Bottom.MinimumSize = 30 + 5 * labels.Max(label => label.Length);
    }
}
