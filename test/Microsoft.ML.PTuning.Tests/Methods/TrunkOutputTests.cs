using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Encoders that are given the output of their trunk.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class TrunkOutputTests
{
    private static readonly EncodedRow[] Rows =
        [new([2, 9, 8, 7, 3, 11, 3], [0, 0, 0, 0, 0, 1, 1]), new([2, 6, 3], [0, 0, 0]), new([2, 12, 13, 14, 3], [0, 0, 0, 1, 1])];

    private TinyCheckpoint? _checkpoint;

    /// <summary>Last, because Windows deletes no file that is mapped.</summary>
    [TestCleanup]
    public void DeleteCheckpoint() => _checkpoint?.Dispose();

    public static IEnumerable<object[]> Families =>
        from family in new[] { "bert", "electra", "distilbert", "albert", "roberta", "xlm-roberta", "deberta", "deberta-v2", "deberta-v3" }
        from prefixLayers in new[] { 0, 1 } // 0: no prefix, the whole encoder is the trunk.
        select new object[] { family, prefixLayers };

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void States_of_rows_that_ran_alone_give_what_the_batch_gives_whatever_pads_them(string family, int prefixLayers) =>
        WorkerThreads.Shared.Run(1, _ => CompareRowsOfABatch(family, prefixLayers));

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void States_that_are_given_stay_with_the_scope_they_were_made_in(int prefixLayers)
    {
        using var backbone = Load("bert");
        using var outer = NewDisposeScope();
        using var step = NewDisposeScope();
        var encoder = Method(prefixLayers).Adapt(backbone);
        var batch = EncodedRow.Collate(Rows, padId: 1, CPU) with { TrunkOutput = zeros(3, 7, 8) };

        encoder.Forward(batch, Prefix(encoder));
        step.Dispose();

        Assert.IsTrue(batch.TrunkOutput.IsInvalid);
    }

    private void CompareRowsOfABatch(string family, int prefixLayers)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(family);
        var encoder = Method(prefixLayers).Adapt(backbone);
        var prefix = Prefix(encoder);
        var batch = EncodedRow.Collate(Rows, padId: 1, CPU, length: 10);
        var trunkOutput = full([3, 10, 8], 7f);
        for (var row = 0; row < Rows.Length; row++)
            trunkOutput[row].narrow(0, 0, Rows[row].Length).copy_(encoder.RunTrunk(EncodedRow.Collate([Rows[row]], padId: 1, CPU))[0]);

        var expected = encoder.Forward(batch, prefix);
        var actual = encoder.Forward(batch with { TrunkOutput = trunkOutput }, prefix);

        for (var row = 0; row < Rows.Length; row++)
            Numbers.AreClose(Tokens(expected, row), Tokens(actual, row), absolute: 1e-5);
    }

    private static TuningMethod Method(int prefixLayers) =>
        prefixLayers == 0 ? new LinearProbe() : new DeepPrefix { PrefixLength = 4, PrefixLayers = prefixLayers };

    private static Tensor? Prefix(PromptedEncoder encoder)
    {
        using var generator = new Generator(3);
        return encoder.Method is LinearProbe ? null : randn(encoder.PrefixShape().Dimensions, generator: generator);
    }

    /// <summary>Of a row, without padding.</summary>
    private static Tensor Tokens(Tensor hidden, int row) => hidden[row].narrow(0, 0, Rows[row].Length);

    private Backbone Load(string family)
    {
        _checkpoint = family.StartsWith("deberta", StringComparison.Ordinal) ? DebertaCheckpoints.Create(family) : new TinyCheckpoint(family);
        return _checkpoint.Save().Load();
    }
}
