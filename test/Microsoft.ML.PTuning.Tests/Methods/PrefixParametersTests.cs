using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class PrefixParametersTests
{
    private static readonly PrefixShape Shape = new(Length: 5, Selected: [1, 2], EncoderLayers: 3, Heads: 2, HeadSize: 4);

    [TestMethod]
    public void Embedded_prefix_is_its_parameter_in_canonical_order()
    {
        using var scope = NewDisposeScope();
        using var prefix = new EmbeddedPrefix(Shape, dimensions => arange(dimensions[0] * dimensions[1]).view(dimensions).to(ScalarType.Float32));

        var values = prefix.Values()[TrainedTensors.Prefix];

        // [p, l, key or value, head, d] stands at p · 2L'H + l · 2H + kv · H + head · D + d.
        CollectionAssert.AreEqual(new long[] { 5, 2, 2, 2, 4 }, values.shape);
        Assert.AreEqual(3 * 32 + 1 * 16 + 1 * 8 + 1 * 4 + 2, values[3, 1, 1, 1, 2].item<float>());
    }

    [TestMethod]
    public void Projected_prefix_is_embedding_linear_tanh_linear()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        using var prefix = new ProjectedPrefix(Shape, size: 6, Initializers.Normal(generator, deviation: 1), Initializers.Normal(generator, deviation: 1));
        var (embedding, inWeight, inBias, outWeight, outBias) =
            (prefix.Parameters[0], prefix.Parameters[1], prefix.Parameters[2], prefix.Parameters[3], prefix.Parameters[4]);

        var expected = matmul((matmul(embedding, inWeight.t()) + inBias).tanh(), outWeight.t()) + outBias;

        CollectionAssert.AreEqual(new long[] { 5, 8 }, embedding.shape);
        Numbers.AreClose(expected.view(Shape.Dimensions), prefix.Values()[TrainedTensors.Prefix]);
    }

    [TestMethod]
    public void First_values_are_normal_with_the_deviation_of_the_official_code()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);

        var values = Initializers.Normal(generator)(400, 500);

        Assert.AreEqual(0, values.mean().item<float>(), 1e-3);
        Assert.AreEqual(0.02, values.std().item<float>(), 1e-3);
    }

    [TestMethod]
    public void First_values_are_the_same_for_the_same_seed()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        using var again = new Generator(2);

        Numbers.AreClose(Initializers.Normal(generator)(4, 5), Initializers.Normal(again)(4, 5), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void Copy_is_not_changed_by_later_steps()
    {
        using var scope = NewDisposeScope();
        using TrainedTensors tensors = new() { { "head.bias", zeros(2) } };
        using var copy = tensors.Copy();

        tensors["head.bias"].add_(1);

        Assert.AreEqual(0, copy["head.bias"][0].item<float>());
    }

    [TestMethod]
    public void Leaves_share_the_storage_and_have_gradients_of_their_own()
    {
        using var scope = NewDisposeScope();
        using TrainedTensors tensors = new() { { "head.bias", ones(2) } };
        using var first = tensors.ToLeaves();
        using var second = tensors.ToLeaves();

        (2 * first["head.bias"]).sum().backward();
        tensors["head.bias"].add_(1);

        Assert.AreEqual(2, first["head.bias"].grad![0].item<float>());
        Assert.IsNull(second["head.bias"].grad);
        Assert.AreEqual(2, second["head.bias"][0].item<float>());
    }

    [TestMethod]
    public void Trained_tensors_know_their_size()
    {
        using var scope = NewDisposeScope();
        using TrainedTensors tensors = new() { { "prefix", zeros([5, 2, 2, 2, 4]) }, { "head.bias", zeros(3) } };

        Assert.AreEqual(163, tensors.ElementCount);
        Assert.AreEqual(652, tensors.Bytes);
        CollectionAssert.AreEqual(new[] { "head.bias", "prefix" }, tensors.Names.ToArray());
    }

    [TestMethod]
    public void Trained_tensors_leave_nothing_behind()
    {
        var before = LiveTensors.CountSettled();

        using (TrainedTensors tensors = new() { { "head.bias", zeros(2) } })
        using (tensors.Copy())
        using (tensors.ToLeaves())
        using (tensors.To(CPU))
            Assert.AreEqual(before + 4, LiveTensors.Count);

        Assert.AreEqual(before, LiveTensors.Count);
    }
}
