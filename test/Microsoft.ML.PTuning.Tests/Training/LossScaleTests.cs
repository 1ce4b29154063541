using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Methods;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
[DoNotParallelize]
public sealed class LossScaleTests
{
    [TestMethod]
    [DataRow(ScalarType.Float32, false)]
    [DataRow(ScalarType.BFloat16, false)]
    [DataRow(ScalarType.Float16, true)]
    public void Scale_is_for_F16_alone(ScalarType type, bool scales) => Assert.AreEqual(scales, LossScale.For(type) is not null);

    [TestMethod]
    public void Gradients_of_a_scaled_loss_become_those_of_the_loss()
    {
        using var scope = NewDisposeScope();
        using var tensors = Leaf(out var leaf);
        var scale = LossScale.For(ScalarType.Float16)!;

        scale.Apply(leaf.square().sum()).backward();

        Assert.IsTrue(scale.TryUnscale([tensors]));
        Assert.AreEqual(2f, leaf.grad!.item<float>());
    }

    [TestMethod]
    public void Overflow_halves_the_scale()
    {
        using var scope = NewDisposeScope();
        using var tensors = Leaf(out var leaf);
        var scale = LossScale.For(ScalarType.Float16)!;
        var before = scale.Factor;

        scale.Apply(leaf.to(ScalarType.Float16).to(ScalarType.Float32).sum().mul(1e6)).backward();

        Assert.IsFalse(scale.TryUnscale([tensors]));
        Assert.AreEqual(before / 2, scale.Factor);
    }

    /// <summary>A head so large that the first gradients are beyond F16.</summary>
    [TestMethod]
    public void Steps_are_skipped_until_gradients_fit()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = PTuning.Backbones.Backbone.Load(checkpoint.Path, CPU, BackbonePrecision.Float16);
        using var generator = new Generator(3);
        var encoder = new DeepPrefix { PrefixLength = 2 }.Adapt(backbone);
        var task = Any.Regression;
        Dictionary<string, Tensor> head = new() { ["head.weight"] = full(1, 8, 100f), ["head.bias"] = zeros(1) };
        using var optimizer = new PromptOptimizer(
            new() { LearningRate = 0.01, BatchSize = 2, MaxEpochs = 1 },
            new EmbeddedPrefix(encoder.PrefixShape(), Initializers.Normal(generator)), [new LearnedTask(task, new PromptNetwork(encoder, task.Head), head)],
            padId: 0, CPU);
        var start = Values();

        optimizer.Step([Any.Part(0), Any.Part(1)], learningRate: 0.01);
        CollectionAssert.AreEqual(start, Values());

        for (var step = 0; step < 14; step++)
            optimizer.Step([Any.Part(0), Any.Part(1)], learningRate: 0.01);
        CollectionAssert.AreNotEqual(start, Values());
        Assert.IsTrue(optimizer.IsFinite());

        float[] Values() => [.. optimizer.Parameters.SelectMany(p => p.detach().data<float>().ToArray())];
    }

    private static TrainedTensors Leaf(out Tensor leaf)
    {
        var tensors = new TrainedTensors { { "x", ones(1).requires_grad_() } };
        leaf = tensors["x"];
        return tensors;
    }
}
