using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using Microsoft.ML.PTuning.Tests.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Generation;

/// <summary>What GLM and ChatGLM write into gaps. It depends neither on what is kept nor on the rows that are written together.</summary>
[TestClass]
public sealed class FilledGapTests
{
    private const string Glm = "glm.prefix.blank-infilling", ChatGlm = "chatglm.prefix";

    /// <summary>Ids that both files have: rows of different lengths, with the gap at different places.</summary>
    private static readonly EncodedRow[] Rows =
    [
        new([1, 31, 57, 2, 14, 45], new int[6]) { DecoderIds = [5], MaskPlace = 3 },
        new([1, 20, 4], new int[3]) { DecoderIds = [5], MaskPlace = 2 },
        new([1, 2, 15, 37, 43, 53, 48, 43, 25], new int[9]) { DecoderIds = [5], MaskPlace = 1 },
    ];

    private static readonly GenerationSettings[] Settings =
    [
        new() { MaxNewTokens = 8 },
        new() { MaxNewTokens = 8, Beams = 3, Candidates = 2 },
        new() { MaxNewTokens = 8, Samples = true, TopK = 20, TopP = 0.9, Candidates = 2, Seed = 7 },
    ];

    public static IEnumerable<object[]> Cases =>
        from name in (string[])[Glm, ChatGlm] from settings in Enumerable.Range(0, Settings.Length) select new object[] { name, settings };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Texts_are_those_that_reading_all_again_for_each_token_gives(string name, int settings)
    {
        var (kept, again) = (Write(name, Settings[settings], [Rows], keeps: true), Write(name, Settings[settings], [Rows], keeps: false));

        AreSame(again, kept);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Texts_are_those_that_each_row_alone_gives(string name, int settings)
    {
        var (together, alone) =
            (Write(name, Settings[settings], [Rows], keeps: true), Write(name, Settings[settings], [.. Rows.Select(row => new[] { row })], keeps: true));

        AreSame(alone, together);
    }

    /// <summary>Of random weights texts may be alike or end at once; the tests above would then compare nothing.</summary>
    [TestMethod]
    [DataRow(Glm)]
    [DataRow(ChatGlm)]
    public void Texts_of_the_rows_differ(string name)
    {
        var written = Write(name, Settings[0], [Rows], keeps: true);

        Assert.IsGreaterThan(1, written.Select(text => string.Join(' ', text.Tokens)).Distinct().Count());
        Assert.IsGreaterThan(Rows.Length, written.Sum(text => text.Tokens.Count));
    }

    private static void AreSame(WrittenText[] expected, WrittenText[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        foreach (var (one, other) in expected.Zip(actual))
        {
            CollectionAssert.AreEqual(one.Tokens.ToArray(), other.Tokens.ToArray());
            Assert.AreEqual(one.LogProbability, other.LogProbability, 1e-4); // A sum over at most 9 tokens.
        }
    }

    /// <returns>The candidates of all rows in their order.</returns>
    private static WrittenText[] Write(string name, GenerationSettings settings, EncodedRow[][] batches, bool keeps)
    {
        using var golden = GlmBackboneTests.Open(name);
        using var weights = golden.InF32();
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var language = weights.Backbone.WithLanguageHead(golden.Directory);
        var official = OfficialMethod.Of(golden, weights, language);
        var tensors = new TrainedTensors();
        foreach (var (tensor, value) in official.Parameters.Values())
            tensors.Add(tensor, value);
        var encoder = official.Method.Adapt(language);
        return [.. batches.SelectMany(rows =>
        {
            using var stream = new TokenStream(encoder, tensors, GlmRows.Batch(rows), keeps);
            var seeds = rows.Select(row => Array.IndexOf(Rows, row)).ToArray();
            return ITextSearch.For(settings, new(6)).Write(stream, seeds, () => { });
        }).SelectMany(texts => texts)];
    }
}
