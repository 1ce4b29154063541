using System.Globalization;
using ScottPlot;

namespace Microsoft.ML.PTuning.Plots;

/// <summary>A cell for each layer and head, with its mass as a number.</summary>
internal static class HeatMapFigure
{
    private const int CellWidth = 52, CellHeight = 32, Sides = 200, Ends = 110, LeastWidth = 560;

    public static Figure Draw(PrefixReport report)
    {
        var plot = Figure.CreatePlot(string.Create(
            CultureInfo.InvariantCulture, $"Attention on the prefix: {report.Mass:0.0 %} on average, {report.Rows:N0} rows"));
        var largest = report.HeadMasses.Max(heads => heads.Max());
        var cells = new double[report.Layers, report.Heads];
        for (var layer = 0; layer < report.Layers; layer++)
            for (var head = 0; head < report.Heads; head++)
                cells[layer, head] = report.HeadMasses[layer][head];

        var map = plot.Add.Heatmap(cells);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        map.ManualRange = new ScottPlot.Range(0, largest);
        map.FlipVertically = true; // Layer 0 at the bottom.
        AddNumbers(plot, report, map);
        AddScale(plot, map);

        plot.XLabel("head", 13);
        plot.YLabel("layer", 13);
        plot.Axes.Bottom.SetTicks([.. Numbers(report.Heads)], [.. Numbers(report.Heads).Select(Text)]);
        plot.Axes.Left.SetTicks([.. Numbers(report.Layers)], [.. Numbers(report.Layers).Select(Text)]);
        plot.Axes.SetLimits(-0.5, report.Heads - 0.5, -0.5, report.Layers - 0.5);
        plot.HideGrid();
        return new Figure(Math.Max(LeastWidth, Sides + CellWidth * report.Heads), Ends + CellHeight * report.Layers, plot);
    }

    private static void AddNumbers(Plot plot, PrefixReport report, ScottPlot.Plottables.Heatmap map)
    {
        for (var layer = 0; layer < report.Layers; layer++)
        {
            var hasPrefix = report.PrefixLayers.Contains(layer);
            for (var head = 0; head < report.Heads; head++)
            {
                var mass = report.HeadMasses[layer][head];
                var number = plot.Add.Text(hasPrefix ? mass.ToString("F2", CultureInfo.InvariantCulture) : "–", head, layer);
                number.LabelAlignment = Alignment.MiddleCenter;
                number.LabelFontSize = 12;
                number.LabelFontName = EmbeddedFont.Name;
                number.LabelFontColor = mass > map.ManualRange!.Value.Max / 2 ? Colors.Black : Colors.White; // Viridis is light at its end.
            }
        }
    }

    private static void AddScale(Plot plot, ScottPlot.Plottables.Heatmap map)
    {
        var scale = plot.Add.ColorBar(map);
        scale.Label = "share of attention";
        scale.LabelStyle.FontSize = 13;
        scale.LabelStyle.Bold = false;
        scale.LabelStyle.FontName = EmbeddedFont.Name;
        scale.Axis.TickLabelStyle.FontSize = 12;
        scale.Axis.TickLabelStyle.FontName = EmbeddedFont.Name;
        scale.Axis.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            LabelFormatter = value => value.ToString("0.0#", CultureInfo.InvariantCulture),
        };
    }

    private static IEnumerable<double> Numbers(int count) => Enumerable.Range(0, count).Select(number => (double)number);

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
