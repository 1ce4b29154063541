using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class AdamWTests
{
    [TestMethod]
    [DataRow(0)]
    [DataRow(0.1)]
    public void Step_follows_the_formula(double weightDecay)
    {
        using var scope = NewDisposeScope();
        var parameter = tensor(new[,] { { 1f } }, requires_grad: true);
        using var optimizer = new AdamW([parameter], weightDecay);
        var (x, mean, square) = (1.0, 0.0, 0.0);

        for (var t = 1; t <= 4; t++)
        {
            var gradient = 0.5 * t - 1.2;
            parameter.grad = tensor(new[,] { { (float)gradient } });
            optimizer.Step(learningRate: 0.1 / t);

            mean = 0.9 * mean + 0.1 * gradient;
            square = 0.999 * square + 0.001 * gradient * gradient;
            x -= 0.1 / t * weightDecay * x;
            x -= 0.1 / t * (mean / (1 - Math.Pow(0.9, t))) / (Math.Sqrt(square / (1 - Math.Pow(0.999, t))) + 1e-8);
            Assert.AreEqual(x, parameter.item<float>(), 1e-5);
        }
    }

    /// <summary>As the Trainer of Hugging Face leaves out what is called bias or belongs to a norm: all of one dimension.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Weights_decay_but_biases_do_not(bool isBias)
    {
        using var scope = NewDisposeScope();
        long[] shape = isBias ? [2] : [2, 1];
        Tensor decayed = ones(shape, requires_grad: true), free = ones(shape, requires_grad: true);
        using AdamW decaying = new([decayed], weightDecay: 0.1), plain = new([free], weightDecay: 0);

        foreach (var (optimizer, parameter) in new[] { (decaying, decayed), (plain, free) })
        {
            parameter.grad = full(shape, 0.5f);
            optimizer.Step(learningRate: 0.2);
        }

        using var difference = free.detach().sub(decayed.detach());
        foreach (var number in difference.data<float>())
            Assert.AreEqual(isBias ? 0 : 0.2 * 0.1, number, 1e-6);
    }

    [TestMethod]
    [DataRow(1, 3 / 5f, 4 / 5f)]
    [DataRow(5, 3, 4)]
    [DataRow(10, 3, 4)]
    public void ClipGradients_scales_all_tensors_to_one_norm(double maxNorm, float first, float second)
    {
        using var scope = NewDisposeScope();
        Tensor[] parameters = [zeros(1, requires_grad: true), zeros(1, requires_grad: true)];
        parameters[0].grad = tensor(new[] { 3f });
        parameters[1].grad = tensor(new[] { 4f });

        AdamW.ClipGradients(parameters, maxNorm);

        Assert.AreEqual(first, parameters[0].grad!.item<float>(), 1e-5);
        Assert.AreEqual(second, parameters[1].grad!.item<float>(), 1e-5);
    }

    [TestMethod]
    public void ClearGradients_starts_a_step_anew()
    {
        using var scope = NewDisposeScope();
        var parameter = zeros(1, requires_grad: true);
        using var optimizer = new AdamW([parameter], weightDecay: 0);
        optimizer.ClearGradients();
        parameter.sum().backward();

        optimizer.ClearGradients();
        parameter.sum().backward();

        Assert.AreEqual(1, parameter.grad!.item<float>());
    }

    [TestMethod]
    public void Disposed_optimizer_leaves_no_native_memory_behind()
    {
        using var parameter = zeros(1, requires_grad: true);
        using var gradient = ones(1);
        parameter.grad = gradient;
        var before = LiveTensors.CountSettled();

        using (var optimizer = new AdamW([parameter], weightDecay: 0.1))
        {
            AdamW.ClipGradients(optimizer.Parameters, 1);
            optimizer.Step(0.1);
            optimizer.ClearGradients();
        }

        Assert.AreEqual(before, LiveTensors.Count);
    }
}
