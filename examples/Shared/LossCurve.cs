using System.Globalization;

namespace Examples;

/// <summary>The losses of a training as columns of blocks: its first step on the left, the last one planned on the right, 0 at the bottom.</summary>
/// <param name="width">Columns of the curve, without the numbers on its left.</param>
/// <param name="height">Lines.</param>
internal sealed class LossCurve(int width, int height)
{
    private const string Blocks = " ▁▂▃▄▅▆▇█"; // Eighths of a line.

    private readonly (double Sum, int Count)[] _columns = new (double Sum, int Count)[width];

    /// <param name="step">From 1.</param>
    /// <param name="steps">Those planned.</param>
    /// <param name="loss">A number; others are left out.</param>
    public void Add(int step, int steps, double loss)
    {
        if (!double.IsFinite(loss))
            return;

        int first = (int)((step - 1L) * width / steps), last = Math.Max(first, (int)((long)step * width / steps) - 1);
        for (int column = first; column <= Math.Min(last, width - 1); column++)
            _columns[column] = (_columns[column].Sum + loss, _columns[column].Count + 1);
    }

    /// <returns>The lines, from the top. None before the first loss.</returns>
    public IReadOnlyList<string> Lines()
    {
        double[] means = [.. _columns.Select(column => column.Count == 0 ? double.NaN : column.Sum / column.Count)];
        double highest = means.Where(double.IsFinite).DefaultIfEmpty().Max();
        if (!means.Any(double.IsFinite))
            return [];

        string top = highest.ToString("F2", CultureInfo.InvariantCulture), bottom = "0".PadLeft(top.Length), none = "".PadLeft(top.Length);
        return
        [
            .. Enumerable.Range(0, height).Select(line =>
                $"{(line == 0 ? top : line == height - 1 ? bottom : none)} {string.Concat(means.Select(mean => Block(mean, highest, line))).TrimEnd()}"),
        ];
    }

    // A loss has an eighth at least, so that it can be told from steps to come.
    private char Block(double mean, double highest, int line)
    {
        if (double.IsNaN(mean))
            return ' ';

        int eighths = highest > 0 ? Math.Max(1, (int)Math.Round(mean / highest * height * 8)) : 1;
        return Blocks[Math.Clamp(eighths - (height - 1 - line) * 8, 0, 8)];
    }
}
