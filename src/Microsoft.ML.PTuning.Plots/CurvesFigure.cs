using System.Globalization;
using ScottPlot;

namespace Microsoft.ML.PTuning.Plots;

/// <summary>A training's loss, metric and learning rate by epoch, and how the rate was found, side by side.</summary>
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
        if (summary.LearningRateTest is { } test)
            panels.Add(RangeTest(test));
        return new Figure(PanelWidth * panels.Count, Height, [.. panels]);
    }

    private static Plot Panel(
        TrainingSummary summary, string title, string name, Func<EpochSummary, double?> training, Func<EpochSummary, double?> validation)
    {
        var plot = Figure.CreatePlot(title);
        plot.XLabel("epoch", 13);
        AddCurve(plot, summary, training, Training, name);
        AddCurve(plot, summary, validation, Validation, "validation set");
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        return Finish(plot, summary.BestEpoch);
    }

    /// <summary>The loss by the learning rate, whose logarithm is the axis.</summary>
    private static Plot RangeTest(LearningRateTest test)
    {
        var plot = Figure.CreatePlot("test of the learning rate");
        plot.XLabel("learning rate", 13);
        var curve = plot.Add.Scatter(test.Rates.Select(Math.Log10).ToArray(), test.Losses.ToArray(), Training);
        (curve.LineWidth, curve.MarkerSize, curve.LegendText) = (2, 0, "loss, smoothed");
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            IntegerTicksOnly = true,
            LabelFormatter = power => Math.Pow(10, power).ToString("0E+0", CultureInfo.InvariantCulture),
        };
        return Finish(plot, Math.Log10(test.LearningRate));
    }

    /// <param name="chosen">What a dotted line marks on the horizontal axis.</param>
    private static Plot Finish(Plot plot, double chosen)
    {
        plot.Add.VerticalLine(chosen, 1, Colors.Black.WithOpacity(0.5), LinePattern.Dotted).ExcludeFromLegend = true;
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
