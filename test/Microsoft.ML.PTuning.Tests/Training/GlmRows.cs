using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>The rows of a golden file of GLM or ChatGLM: a text, and what the decoder reads behind it.</summary>
internal static class GlmRows
{
    private const long Ignored = -100;

    /// <summary>What there is to learn from each row. The choices of a row are one part.</summary>
    public static IReadOnlyList<ExamplePart> PartsOf(GoldenEncoder golden)
    {
        if (!golden.Tensors.ContainsKey("input.sep"))
            return [.. OfChat(golden).Select(row => new ExamplePart([row], new float[row.NextIds.Length + 1]))]; // Its code learns the first token, too.

        var rows = Of(golden);
        if (!golden.Tensors.TryGetValue("input.labels", out var labels))
            return [.. rows.Select(row => new TextPart(row, Tokenizer: null!))];
        return [.. rows.Chunk(rows.Count / (int)labels.numel()).Select((choices, i) => new ExamplePart(choices, [labels[i].item<long>()]))];
    }

    /// <param name="part">What the names of a file's part begin with: <c>multi.</c></param>
    public static IReadOnlyList<EncodedRow> Of(GoldenEncoder golden, string part = "")
    {
        var ids = Rows("input_ids")!;
        var positions = Rows("position_ids")!;                                                   // Two rows for each of ids.
        var (separators, targets, prompts) = (Rows("sep")!.SelectMany(row => row).ToArray(), Rows("targets") ?? Rows("target_ids"), Rows("prompt_pos"));
        var fillsSeveral = positions.Any(row => row.Count(place => place == 1) > 1 && row[0] == 0 && row[1] == 0);
        return [.. ids.Select((row, i) =>
        {
            var (places, blocks, text) = (positions[2 * i], positions[2 * i + 1], (int)separators[i]);
            var end = Array.FindLastIndex(blocks, block => block > 0) + 1;
            return new EncodedRow(Ints(row[..text]), new int[text])
            {
                DecoderIds = end == 0 ? [] : Ints(row[text..end]),
                NextIds = end > 0 && targets?[i].Length == row.Length ? Ints(targets[i][text..end]) : [],
                MaskPlace = end == 0 || fillsSeveral ? null : (int)places[text],
                DecoderPositions = fillsSeveral ? [.. Enumerable.Range(text, end - text).Select(at => ((int)places[at], (int)blocks[at]))] : [],
                PromptPlaces = prompts is null ? [] : Ints(prompts[i]),
            };
        })];

        long[][]? Rows(string name) => golden.Tensors.GetValueOrDefault($"input.{part}{name}") is { } tensor
            ? [.. tensor.data<long>().ToArray().Chunk((int)tensor.shape[^1])]
            : null;
    }

    /// <summary>ChatGLM's context ends before the token that begins an answer.</summary>
    public static IReadOnlyList<EncodedRow> OfChat(GoldenEncoder golden)
    {
        var (ids, labels) = (golden.Tensors["input.input_ids"], golden.Tensors["input.labels"]);
        return [.. Enumerable.Range(0, (int)ids.size(0)).Select(i =>
        {
            var (row, own) = (ids[i].data<long>().ToArray(), labels[i].data<long>().ToArray());
            var (begin, last) = (Array.FindIndex(own, label => label != Ignored), Array.FindLastIndex(own, label => label != Ignored));
            return new EncodedRow(Ints(row[..begin]), new int[begin])
            {
                DecoderIds = Ints(row[begin..last]),
                NextIds = Ints(own[(begin + 1)..(last + 1)]),
                MaskPlace = begin - 1,
            };
        })];
    }

    public static EncodedBatch Batch(IReadOnlyList<EncodedRow> rows) => EncodedRow.Collate(rows, padId: 0, CPU);

    private static int[] Ints(long[] ids) => Array.ConvertAll(ids, id => (int)id);
}
