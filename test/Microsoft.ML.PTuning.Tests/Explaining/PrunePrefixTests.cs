using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Explaining;

[TestClass]
public sealed class PrunePrefixTests
{
    private static TinyModel s_model = null!;
    private static PrefixReport s_report = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_model = new TinyModel(40);
        s_report = s_model.Transformer.ExplainPrefix(s_model.Data);
    }

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void A_copy_that_keeps_all_scores_the_same()
    {
        using var copy = s_model.Transformer.PrunePrefix(s_report);

        Scores.AssertEqual(s_model.Score(), s_model.Score(copy));
    }

    [TestMethod]
    public void The_positions_and_layers_with_the_largest_mass_are_kept()
    {
        using var smaller = s_model.Transformer.PrunePrefix(s_report, keepPositions: 2, keepLayers: 1);

        var layer = Enumerable.Range(0, 3).MaxBy(number => s_report.LayerMasses[number]);
        var least = Enumerable.Range(0, 3).MinBy(number => s_report.MassAt(layer, 0, number) + s_report.MassAt(layer, 1, number));
        long[] positions = [.. Enumerable.Range(0, 3).Where(number => number != least).Select(number => (long)number)];
        using var scope = NewDisposeScope();
        var expected = s_model.Transformer.Model.Tensors[TrainedTensors.Prefix].index_select(0, tensor(positions)).narrow(1, layer, 1);
        Numbers.AreClose(expected, smaller.Model.Tensors[TrainedTensors.Prefix], absolute: 0, relative: 0);
        Assert.AreEqual(2, smaller.PrefixLength);
        CollectionAssert.AreEqual(new[] { layer }, smaller.ExplainPrefix(s_model.Data).PrefixLayers.ToArray());
    }

    /// <summary>With the text at the positions it was trained at.</summary>
    [TestMethod]
    public void The_encoder_sees_the_kept_vectors_and_the_text_where_it_was()
    {
        using var kept = AssertForward([0, 2], [0, 2], heads: null, prefix =>
        {
            LayerPrefix Of(int layer) => new(Kept(layer, 0), Kept(layer, 1));
            Tensor Kept(int layer, int part) => stack([prefix[0, layer, part], prefix[2, layer, part]], 0);
            return [Of(0), null, Of(2)];
        });
    }

    /// <summary>The text does not see the prefix where its keys are masked.</summary>
    [TestMethod]
    public void A_head_that_is_cut_sees_the_text_alone()
    {
        using var kept = AssertForward([0, 1, 2], [0, 2], heads: [true, false, false, true], prefix =>
        {
            var gates = tensor(new[] { 0, double.NegativeInfinity }).to(ScalarType.Float32);
            LayerPrefix Of(int layer, Tensor gate) => new(prefix[.., layer, 0], prefix[.., layer, 1], LogGate: gate);
            return [Of(0, gates), null, Of(2, gates.flip(0))];
        });

        using var ofCutHead = kept[TrainedTensors.Prefix][.., 0, .., 1];
        Assert.AreEqual(0, ofCutHead.abs().max().item<float>());
    }

    [TestMethod]
    public void The_heads_with_the_largest_mass_are_kept_in_a_file_that_loads_with_the_same_scores()
    {
        using var smaller = s_model.Transformer.PrunePrefix(s_report, keepHeads: 4);
        using var stream = new MemoryStream();
        smaller.SaveTo(stream);
        using var loaded = s_model.Load(stream.ToArray());

        double[] masses = [.. s_report.HeadMasses.SelectMany(heads => heads)]; // 3 layers of 2 heads.
        var least = masses.Order().ElementAt(1);
        CollectionAssert.AreEqual(
            masses.Select(mass => mass > least ? 1f : 0f).ToArray(), loaded.Model.Tensors[TrainedTensors.PrefixGate].data<float>().ToArray());
        Scores.AssertEqual(s_model.Score(smaller), s_model.Score(loaded));
        var left = loaded.ExplainPrefix(s_model.Data).HeadMasses.SelectMany(heads => heads).ToArray();
        for (var head = 0; head < masses.Length; head++)
            Assert.AreEqual(masses[head] > least, left[head] > 1e-6, $"head {head}: {left[head]}");
    }

    [TestMethod]
    public void A_pruned_model_is_saved_smaller_and_loads_with_the_same_scores()
    {
        using var smaller = s_model.Transformer.PrunePrefix(s_report, keepPositions: 1, keepLayers: 2);
        using var stream = new MemoryStream();

        smaller.SaveTo(stream);
        using var loaded = s_model.Load(stream.ToArray());

        Scores.AssertEqual(s_model.Score(smaller), s_model.Score(loaded));
        Assert.AreEqual(s_model.Transformer.Summary!.TensorBytes - 4 * 2 * 8 * (3 * 3 - 2 * 1), loaded.Summary!.TensorBytes); // 2 · H numbers a position and layer.
        Assert.IsLessThan(s_model.Save().Length, stream.Length);
    }

    [TestMethod]
    public void A_pruned_model_outlives_the_one_it_was_made_of()
    {
        var original = s_model.Load(s_model.Save());
        using var smaller = original.PrunePrefix(s_report, keepPositions: 2);
        var before = s_model.Score(smaller);

        original.Dispose();

        Scores.AssertEqual(before, s_model.Score(smaller));
    }

    [TestMethod]
    [DoNotParallelize]
    public void Pruning_leaves_no_tensor_behind()
    {
        s_model.Transformer.PrunePrefix(s_report, keepPositions: 2).Dispose();
        var before = LiveTensors.CountSettled();

        s_model.Transformer.PrunePrefix(s_report, keepPositions: 2).Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void More_or_less_than_there_is_and_the_report_of_another_model_are_refused()
    {
        var model = s_model.Transformer;

        Assert.AreEqual("keepPositions", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.PrunePrefix(s_report, keepPositions: 4)).ParamName);
        Assert.AreEqual("keepLayers", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.PrunePrefix(s_report, keepLayers: 0)).ParamName);
        Assert.AreEqual("keepHeads", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.PrunePrefix(s_report, keepHeads: 7)).ParamName);
        using var smaller = model.PrunePrefix(s_report, keepPositions: 2);
        Assert.Contains("Give what ExplainPrefix measured of this model", Assert.ThrowsExactly<ArgumentException>(() => smaller.PrunePrefix(s_report)).Message);
    }

    [TestMethod]
    public void A_pruned_prefix_is_no_start_for_one_at_other_positions()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();

        var differences = new DeepPrefix { PrefixLength = 2, TrainedLength = 3 }.DifferencesFrom(new DeepPrefix { PrefixLength = 2 }, backbone);

        Assert.AreEqual("the text begins at position 3, expected 2, because the prefix was pruned", differences.Single());
    }

    /// <summary>A pruned prefix of 3 positions, 3 layers and 2 heads, against the encoder itself with what is expected in each layer.</summary>
    /// <param name="expected">Gets the whole prefix, <c>[P, L, 2, h, D]</c>.</param>
    /// <returns>What was kept.</returns>
    private static TrainedTensors AssertForward(int[] positions, int[] layers, bool[]? heads, Func<Tensor, LayerPrefix?[]> expected)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        using var tensors = new TrainedTensors();
        tensors.Add(TrainedTensors.Prefix, new Draw().Normal(3, 3, 2, 2, 4));

        var (method, kept) = new DeepPrefix { PrefixLength = 3 }.Keep(backbone, tensors, positions, layers, heads);

        var batch = EncodedRow.Collate([new([2, 9, 14, 3], [0, 0, 0, 0]), new([2, 3], [0, 0])], padId: 0, CPU);
        var pruned = method.Adapt(backbone).Forward(batch, method.Tune(backbone, kept, batch.Rows, dropout: null));
        Numbers.AreClose(backbone.Forward(batch, expected(tensors[TrainedTensors.Prefix]), positionOffset: 3), pruned);
        return kept;
    }
}
