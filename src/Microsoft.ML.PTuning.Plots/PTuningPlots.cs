using Microsoft.ML.PTuning.Plots;

namespace Microsoft.ML.PTuning;

/// <summary>Pictures of what a training did and what a prefix does.</summary>
public static class PTuningPlots
{
    /// <summary>Draws loss and metric, epoch by epoch, on the training rows and on the validation set, and the learning rate where it is known.</summary>
    /// <remarks>
    /// The training rows' curves are with dropout, and from rows that were being learned. A dotted line marks the epoch whose weights the model has. Where
    /// the learning rate was found by a test (<see cref="LearningRates.Auto"/>), its curve is there, too.
    /// </remarks>
    /// <param name="path">A file that ends in <c>.png</c> or <c>.svg</c>; an existing one is replaced.</param>
    /// <exception cref="ArgumentException">The file has another ending.</exception>
    /// <exception cref="InvalidOperationException">The summary has no epochs.</exception>
    /// <example>
    /// <code>
    /// model.Summary?.PlotCurves("curves.png");
    /// </code>
    /// </example>
    public static void PlotCurves(this TrainingSummary summary, string path)
    {
        ArgumentNullException.ThrowIfNull(summary);
        if (summary.Epochs.Count == 0)
            throw new InvalidOperationException("The summary has no epochs, so there is no curve to draw. Draw that of a model that was trained.");

        using var curves = CurvesFigure.Draw(summary);
        curves.Save(path);
    }

    /// <summary>Draws the share of attention that goes to the prefix, a cell for each layer and head.</summary>
    /// <remarks>Layers without a prefix have a dash. The colours span 0 to the largest mass.</remarks>
    /// <inheritdoc cref="PlotCurves" path="/param"/>
    /// <exception cref="ArgumentException">The file has another ending.</exception>
    /// <example>
    /// <code>
    /// model.ExplainPrefix(newTickets).PlotHeatMap("prefix.png");
    /// </code>
    /// </example>
    public static void PlotHeatMap(this PrefixReport report, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        using var map = HeatMapFigure.Draw(report);
        map.Save(path);
    }
}
