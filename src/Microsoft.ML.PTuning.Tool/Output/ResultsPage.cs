using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>A page about a training: metrics, confusions, curves and the most confident mistakes. One file, which needs nothing else.</summary>
internal sealed partial class ResultsPage
{
    private const int Mistakes = 20;
    private const int MostConfusedClasses = 30;
    private const int MostCharacters = 400;

    private readonly StringBuilder _html = new();

    public required string Title { get; init; }

    /// <summary>The data file's name.</summary>
    public required string Data { get; init; }

    public required TrainingRows Rows { get; init; }

    public required DataTable Training { get; init; }

    public required DataTable Held { get; init; }

    public required PTuningV2Transformer Trained { get; init; }

    public required Measurement Measured { get; init; }

    public required Measurement? Yardstick { get; init; }

    /// <summary>One per held-out row.</summary>
    public required IReadOnlyList<Judgement> Judgements { get; init; }

    public required long ModelBytes { get; init; }

    public void Write(string path)
    {
        var html = Html();
        WholeFile.Write(path, temporary => File.WriteAllText(temporary, html));
    }

    private string Html()
    {
        _html.Clear();
        Line("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        Line($"<title>{E(Title)}</title><style>{Style}</style></head><body><main>");
        Line($"<h1>{E(Title)}</h1>");
        Line(Invariant($"<p>{E(Rows.Task.Name)}: reads {E(string.Join(" and ", Rows.Columns.Texts))}, learns {E(Rows.Columns.Label)}. Trained on {Training.Rows.Count:N0} rows of {E(Data)}, measured on {Held.Rows.Count:N0} rows that training has not seen.</p>"));
        Metrics();
        if (Measured.Confusions is { } confusions && confusions.Classes.Count <= MostConfusedClasses)
            Confusion(confusions);
        Curves();
        ConfidentMistakes();
        About();
        Line("</main></body></html>");
        return _html.ToString();
    }

    private void Metrics()
    {
        Line("<h2>Metrics</h2><table><thead><tr><th></th><th>this model</th>");
        Line(Yardstick is null ? "</tr></thead><tbody>" : $"<th>{Tasks.Yardstick.Name}</th></tr></thead><tbody>");
        foreach (var (name, value) in Measured.Metrics)
        {
            var other = Yardstick is null ? "" : $"<td>{Yardstick.Metrics.Where(metric => metric.Name == name).Select(metric => Tables.Number(metric.Value)).FirstOrDefault()}</td>";
            Line($"<tr><th scope=\"row\">{E(name)}</th><td>{Tables.Number(value)}</td>{other}</tr>");
        }

        Line("</tbody></table>");
        if (Yardstick is not null)
            Line("<p class=\"note\">Bag of words: ML.NET's FeaturizeText and SDCA on the same rows.</p>");
        foreach (var warning in Trained.Summary!.Warnings)
            Line($"<p class=\"warning\">{E(OptionNames.OnCommandLine(warning.ToString()))}</p>");
    }

    private void Confusion(Confusions confusions)
    {
        Line("<h2>Confusions</h2><p class=\"note\">A line per true class, a column per predicted class; rows of data.</p><div class=\"wide\"><table class=\"confusions\"><thead><tr><th></th>");
        foreach (var name in confusions.Classes)
            Line($"<th scope=\"col\">{E(name)}</th>");
        Line("</tr></thead><tbody>");
        for (var i = 0; i < confusions.Classes.Count; i++)
        {
            var sum = Math.Max(1, confusions.Counts[i].Sum());
            Line($"<tr><th scope=\"row\">{E(confusions.Classes[i])}</th>");
            for (var j = 0; j < confusions.Classes.Count; j++)
            {
                var count = confusions.Counts[i][j];
                var shade = (0.75 * count / sum).ToString("F2", CultureInfo.InvariantCulture);
                Line(Invariant($"<td style=\"background:rgba({(i == j ? "40,140,90" : "200,80,50")},{shade})\">{count:F0}</td>"));
            }

            Line("</tr>");
        }

        Line("</tbody></table></div>");
    }

    private void Curves()
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.svg");
        try
        {
            Trained.Summary!.PlotCurves(file);
            var svg = SvgSize().Replace(XmlDeclaration().Replace(File.ReadAllText(file), ""), "viewBox=\"0 0 $1 $2\" width=\"$1\" height=\"$2\"", 1);
            Line($"<h2>Curves</h2><figure role=\"img\" aria-label=\"Loss and metric by epoch\">{svg}</figure>");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private void ConfidentMistakes()
    {
        var isNumber = Rows.Task is RegressionTask;
        var mistakes = Judgements.Zip(Held.Rows)
            .Where(entry => isNumber || entry.First.Quality < 1)
            .OrderByDescending(entry => isNumber ? -entry.First.Quality : entry.First.Confidence ?? 1 - entry.First.Quality)
            .Take(Mistakes)
            .ToList();
        Line($"<h2>{(isNumber ? "Largest errors" : "Most confident mistakes")}</h2>");
        if (mistakes.Count == 0)
        {
            Line("<p>There are none.</p>");
            return;
        }

        Line("<div class=\"wide\"><table class=\"mistakes\"><thead><tr><th>line</th><th>text</th><th>label</th><th>predicted</th><th>sure</th></tr></thead><tbody>");
        foreach (var (judgement, row) in mistakes)
        {
            var text = string.Join(" ⧉ ", Rows.Columns.Texts.Select((_, i) => Shortened(row.Text(i))));
            var sure = judgement.Confidence is { } confidence ? confidence.ToString("P0", CultureInfo.InvariantCulture) : "";
            Line($"<tr><td>{row.Line}</td><td>{E(text)}</td><td>{E(Shortened(judgement.Expected))}</td><td>{E(Shortened(judgement.Predicted))}</td><td>{sure}</td></tr>");
        }

        Line("</tbody></table></div>");
    }

    private void About()
    {
        var (summary, encoder) = (Trained.Summary!, Trained.Backbone);
        Line("<h2>Model</h2><table><tbody>");
        foreach (var (name, value) in ((string, string)[])[
            ("method", Trained.Method),
            ("encoder", Invariant($"{encoder.Name}, {encoder.ParameterCount:N0} weights, not in the model's file")),
            ("trained", Invariant($"{summary.TrainedParameters:N0} numbers ({summary.TrainedShare:P1}) in {summary.TrainingTime.TotalSeconds:F0} s, {summary.Epochs.Count} epochs, seed {summary.Seed}")),
            ("file", Invariant($"{ModelBytes / 1024.0:N0} KiB"))])
        {
            Line($"<tr><th scope=\"row\">{name}</th><td class=\"text\">{E(value)}</td></tr>");
        }

        Line("</tbody></table>");
    }

    private void Line(string line) => _html.Append(line).Append('\n');

    private static string E(string text) => WebUtility.HtmlEncode(text);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private static string Shortened(string text) => text.Length <= MostCharacters ? text : text[..MostCharacters] + "…";

    [GeneratedRegex(@"^\s*<\?xml[^>]*\?>\s*(<!DOCTYPE[^>]*>)?")]
    private static partial Regex XmlDeclaration();

    // Without a view box, a picture that is made narrower is cut off.
    [GeneratedRegex(@"width=""(\d+)"" height=""(\d+)""")]
    private static partial Regex SvgSize();

    private const string Style = """
        :root { color-scheme: light dark; --line: #8884; }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
        main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
        table { border-collapse: collapse; }
        th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
        tbody th { text-align: left; font-weight: normal; }
        .mistakes th, .mistakes td, td.text { text-align: left; overflow-wrap: break-word; }
        .wide { overflow-x: auto; }
        figure { margin: 0; background: #fff; border-radius: .5rem; overflow: hidden; }
        figure svg { width: 100%; height: auto; display: block; }
        .note { opacity: .75; }
        .warning { border-left: .3rem solid #c84; padding-left: .6rem; }
        """;
}
