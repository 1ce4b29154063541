using ScottPlot;
using SkiaSharp;

namespace Microsoft.ML.PTuning.Plots;

/// <summary>One plot or several side by side, as PNG or SVG.</summary>
/// <param name="width">In points; a PNG has twice as many pixels.</param>
/// <param name="height">Like <paramref name="width"/>.</param>
internal sealed class Figure(int width, int height, params Plot[] plots) : IDisposable
{
    private const int PixelsPerPoint = 2;

    /// <exception cref="ArgumentException">The file ends neither in .png nor in .svg.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".png":
                SavePng(path);
                break;
            case ".svg":
                SaveSvg(path);
                break;
            case var ending:
                throw new ArgumentException($"The file '{path}' ends in '{ending}'; expected .png or .svg.", nameof(path));
        }
    }

    public void Dispose()
    {
        foreach (var plot in plots)
            plot.Dispose();
    }

    /// <summary>An empty plot in the style of all figures.</summary>
    public static Plot CreatePlot(string title)
    {
        var plot = new Plot();
        plot.Title(title, 14);
        plot.Axes.Title.Label.Bold = plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.Axes.Bottom.Label.FontSize = plot.Axes.Left.Label.FontSize = 13;
        plot.Axes.Bottom.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize = 12;
        return plot;
    }

    // The canvas is scaled, not the plots: several plots would each scale what the ones before have scaled (ScottPlot 5.1).
    private void SavePng(string path)
    {
        using var surface = SKSurface.Create(new SKImageInfo(PixelsPerPoint * width, PixelsPerPoint * height));
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.Scale(PixelsPerPoint);
        Render(surface.Canvas);
        using var image = surface.Snapshot();
        using var encoded = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        using var stream = File.Create(path);
        encoded.SaveTo(stream);
    }

    private void SaveSvg(string path)
    {
        using var stream = File.Create(path);
        using var canvas = SKSvgCanvas.Create(SKRect.Create(width, height), stream);
        Render(canvas);
    }

    private void Render(SKCanvas canvas)
    {
        var arranged = new Multiplot { Layout = new ScottPlot.MultiplotLayouts.Columns() };
        arranged.Subplots.RemoveAt(0);
        foreach (var plot in plots)
        {
            plot.Font.Set(EmbeddedFont.Name);
            plot.Legend.FontName = EmbeddedFont.Name;
            arranged.AddPlot(plot);
        }
        arranged.Render(canvas, new PixelRect(0, width, height, 0));
    }
}
