using ScottPlot;
using SkiaSharp;

namespace Microsoft.ML.PTuning.Plots;

/// <summary>The font of this assembly, so that figures look the same everywhere, also on systems without fonts.</summary>
internal sealed class EmbeddedFont : IFontResolver
{
    private const string Resource = "DejaVuSans.ttf";

    private static readonly Lazy<string> Registered = new(() =>
    {
        Fonts.FontResolvers.Add(new EmbeddedFont());
        return "DejaVu Sans of Microsoft.ML.PTuning"; // Not the name of a font that the system may have.
    });

    /// <summary>The name under which plots find it.</summary>
    public static string Name => Registered.Value;

    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic)
    {
        if (fontName != Name)
            return null;

        using var stream = typeof(EmbeddedFont).Assembly.GetManifestResourceStream(Resource)!;
        return SKTypeface.FromStream(stream);
    }

    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        CreateTypeface(fontName, bold: false, italic: false);
}
