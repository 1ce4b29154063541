using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Trained vectors among the tokens, against the same encoder over words whose embeddings they are.</summary>
[TestClass]
public sealed class PromptTuningTests
{
    private const int P = 3;

    /// <summary>Rows of the tiny encoder's ids, padded; ids 20 to 22 stand for the prompt.</summary>
    private static readonly EncodedRow[] Rows = [new([2, 9, 8, 7, 3], [0, 0, 0, 1, 1]), new([2, 6, 3], [0, 0, 0])];

    public static IEnumerable<object[]> Placements =>
        from family in (string[])["bert", "roberta", "deberta-v2", "deberta-v3"]
        from placement in Enum.GetValues<PromptPlacement>()
        select new object[] { family, placement };

    [TestMethod]
    [DynamicData(nameof(Placements))]
    public void Prompt_of_words_embeddings_gives_what_the_words_give(string family, PromptPlacement placement)
    {
        using var checkpoint = family.StartsWith("deberta", StringComparison.Ordinal) ? DebertaCheckpoints.Create(family) : new TinyCheckpoint(family);
        checkpoint.Save();
        using var backbone = TypedEncoder.Load(checkpoint.Path, ScalarType.Float64);
        var method = new PromptTuning { Length = P, Placement = placement };
        var at = placement == PromptPlacement.BeforeText ? 0 : 1;
        using var scope = NewDisposeScope();
        using var tensors = new TrainedTensors();
        tensors.Add(TrainedTensors.Prompt, backbone.WordEmbeddings.narrow(0, 20, P).clone());

        var arranged = method.Arrange(Batch(Rows), backbone);
        var hidden = arranged.TextStates(method.Adapt(backbone).Forward(arranged.Read, method.Tune(backbone, tensors, Rows.Length, null)));

        var words = backbone.Forward(Batch([.. Rows.Select(row => WithWords(row, at))]));
        var ofText = cat([words.narrow(1, 0, at), words.narrow(1, at + P, words.size(1) - at - P)], 1);
        Numbers.AreClose(ofText[0], hidden[0], absolute: 1e-12, relative: 0);
        Numbers.AreClose(ofText[1].narrow(0, 0, 3), hidden[1].narrow(0, 0, 3), absolute: 1e-12, relative: 0);
    }

    [TestMethod]
    public void Prompt_starts_from_the_most_frequent_tokens()
    {
        using var encoder = new TinyEncoder();
        var tokenizer = TextTokenizer.Load(encoder.Path, "bert");
        EncodedRow[] rows = [new([2, 9, 9, 7, 3], [0, 0, 0, 0, 0]), new([2, 9, 8, 7, 3], [0, 0, 0, 0, 0])];

        var words = new PromptTuning { Length = 2, Start = PromptStart.FrequentWords }.ChooseWords(rows, tokenizer, []);

        CollectionAssert.AreEqual((int[])[9, 7], words!.ToArray());
    }

    private static EncodedBatch Batch(EncodedRow[] rows) => EncodedRow.Collate(rows, padId: 0, CPU);

    private static EncodedRow WithWords(EncodedRow row, int at) => new(
        [.. row.Ids[..at], .. Enumerable.Range(20, P), .. row.Ids[at..]], [.. row.Segments[..at], .. new int[P], .. row.Segments[at..]]);
}
