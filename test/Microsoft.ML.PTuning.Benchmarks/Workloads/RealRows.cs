using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Labelled rows of public data sets as tokens; the same in every run.</summary>
internal static class RealRows
{
    private const int DocumentStride = 128; // The official script's.

    /// <summary>The first sentences of <see cref="DataFile.Sst2"/>, which has them in random order.</summary>
    public static IReadOnlyList<Example> Sst2(UntrainedModel model, int count) => Encode(model, TextRows.Sst2(count));

    /// <summary>The first texts of <see cref="DataFile.AgNews"/>.</summary>
    public static IReadOnlyList<Example> AgNews(UntrainedModel model, int count) => Encode(model, TextRows.AgNews(count));

    /// <summary>Questions spread evenly over <see cref="DataFile.Squad"/>, each with its context: a row for each window of it.</summary>
    /// <remarks>The labels mean nothing: a classifier reads the windows, as what a step costs depends on their lengths, hardly on the task.</remarks>
    /// <param name="count">How many questions.</param>
    public static IReadOnlyList<Example> Squad(UntrainedModel model, int count)
    {
        using var file = File.OpenRead(DataFile.Squad.Path!);
        using var document = JsonDocument.Parse(file);
        var all =
            (from article in document.RootElement.GetProperty("data").EnumerateArray()
             from paragraph in article.GetProperty("paragraphs").EnumerateArray()
             from question in paragraph.GetProperty("qas").EnumerateArray()
             select (Question: question.GetProperty("question"), Context: paragraph.GetProperty("context"))).ToArray();

        var windows = Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Length / count)]).SelectMany(asked => AnswerExample.Encode(
            model.Tokenizer, asked.Question.GetString()!, asked.Context.GetString()!, gold: null, model.Task.MaxLength, DocumentStride).Parts);
        return [.. windows.Select((window, row) => Labelled(window.Sequences[0], row % 2 == 1))];
    }

    private static IReadOnlyList<Example> Encode(UntrainedModel model, IReadOnlyList<TextRow> texts) =>
        [.. model.Encode(texts).Zip(texts, (row, text) => Labelled(row, text.Label))];

    private static Example Labelled(EncodedRow row, bool label) => new([new ExamplePart([row], [label ? 1 : 0])], IsTruncated: false);
}
