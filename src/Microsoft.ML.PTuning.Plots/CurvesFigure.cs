using System.Globalization;
using ScottPlot;

namespace Microsoft.ML.PTuning.Plots;

/// <summary>A training's loss, metric and learning rate by epoch, side by side.</summary>
internal static class CurvesFigure
{
    private const int PanelWidth = 330, Height = 320;

    // Okabe and Ito's colours, which the colour-blind can tell apart.
    private static readonly Color Training = Color.FromHex("#0072B2"), Validation = Color.FromHex("#D55E00");

    public static Figure Draw(TrainingSummary summary)
    {
        List<Plot> panels =
        [
            Panel(summary, "loss", "training rows", epoch => epoch.Loss, epoch => epoch.ValidationLoss),
            Panel(summary, summary.Epochs[0].MetricName, "training rows", epoch => epoch.Metric, epoch => epoch.ValidationMetric),
        ];
        if (summary.Epochs.Any(epoch => epoch.LearningRate is not null))
            panels.Add(Panel(summary, "learning rate", "at the epoch's end", epoch => epoch.LearningRate, _ => null));
        return new Figure(PanelWidth * panels.Count, Height, [.. panels]);
    }

    private static Plot Panel(
        TrainingSummary summary, string title, string name, Func<EpochSummary, double?> training, Func<EpochSummary, double?> validation)
    {
        var plot = Figure.CreatePlot(title);
        plot.XLabel("epoch", 13);
        AddCurve(plot, summary, training, Training, name);
        AddCurve(plot, summary, validation, Validation, "validation set");
        var best = plot.Add.VerticalLine(summary.BestEpoch, 1, Colors.Black.WithOpacity(0.5), LinePattern.Dotted);
        best.ExcludeFromLegend = true;

        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            LabelFormatter = value => value.ToString("G4", CultureInfo.InvariantCulture),
        };
        plot.Axes.Right.IsVisible = plot.Axes.Top.IsVisible = false;
        plot.Axes.Right.MinimumSize = 15;
        plot.Axes.Margins(0.06, 0.1);
        plot.Legend.FontSize = 12;
        plot.Legend.Orientation = Orientation.Horizontal;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.ShowLegend(Edge.Bottom); // Beside the curves, never on them.
        return plot;
    }

    private static void AddCurve(Plot plot, TrainingSummary summary, Func<EpochSummary, double?> select, Color color, string name)
    {
        var points = summary.Epochs.Where(epoch => select(epoch) is { } value && double.IsFinite(value)).ToArray();
        if (points.Length == 0)
            return;

        var curve = plot.Add.Scatter(points.Select(epoch => (double)epoch.Epoch).ToArray(), points.Select(epoch => select(epoch)!.Value).ToArray(), color);
        (curve.LineWidth, curve.MarkerSize, curve.LegendText) = (2, points.Length > 40 ? 0 : 7, name);
    }
}
