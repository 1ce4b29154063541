using System.Diagnostics;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Layers of a formula, of which is known when they run and what they keep.</summary>
[TestClass]
[DoNotParallelize]
public sealed class RecomputedLayersTests
{
    private const int Layers = 6;

    [TestMethod]
    public void Layers_run_upwards_and_then_downwards_from_the_first_on()
    {
        using var scope = NewDisposeScope();
        var ran = new List<int>();
        var layers = new RecomputedLayers(Counted, ones(1, 1, 1).requires_grad_(), 1..4, dropout: null, sentenceTokenOnly: false);

        layers.Output.sum().backward();
        layers.Backward();

        CollectionAssert.AreEqual(new[] { 1, 2, 3, 3, 2, 1 }, ran);

        Tensor Counted(int layer, Tensor hidden, bool sentenceTokenOnly)
        {
            ran.Add(layer);
            return hidden.exp();
        }
    }

    [TestMethod]
    public void Gradients_are_enabled_backwards_alone()
    {
        using var scope = NewDisposeScope();
        var enabled = new List<bool>();
        var layers = new RecomputedLayers(Watched, ones(1, 1, 1).requires_grad_(), 0..2, dropout: null, sentenceTokenOnly: false);

        layers.Output.sum().backward();
        layers.Backward();

        CollectionAssert.AreEqual(new[] { false, false, true, true }, enabled);

        Tensor Watched(int layer, Tensor hidden, bool sentenceTokenOnly)
        {
            enabled.Add(is_grad_enabled());
            return hidden.exp();
        }
    }

    [TestMethod]
    public void Prefixes_get_the_gradient_of_the_whole_chain()
    {
        using var scope = NewDisposeScope();
        var (kept, recomputed) = (Factors(), Factors());

        var hidden = full(1, 1, 1, 0.5);
        for (var layer = 0; layer < 3; layer++)
            hidden = Multiply(kept)(layer, hidden, sentenceTokenOnly: false);
        hidden.sum().backward();
        var layers = new RecomputedLayers(Multiply(recomputed), full(1, 1, 1, 0.5), 0..3, dropout: null, sentenceTokenOnly: false);
        layers.Output.sum().backward();
        layers.Backward();

        foreach (var (expected, actual) in kept.Zip(recomputed))
            Numbers.AreClose(expected.grad!, actual.grad!, absolute: 0, relative: 0);
    }

    [TestMethod]
    public void Trained_input_gets_the_gradient_of_the_whole_chain()
    {
        using var scope = NewDisposeScope();
        var (factors, kept, recomputed) = (Factors(), full(1, 1, 1, 0.5).requires_grad_(), full(1, 1, 1, 0.5).requires_grad_());

        var hidden = kept.exp();
        for (var layer = 0; layer < 3; layer++)
            hidden = Multiply(factors)(layer, hidden, sentenceTokenOnly: false);
        hidden.sum().backward();
        var layers = new RecomputedLayers(Multiply(factors), recomputed.exp(), 0..3, dropout: null, sentenceTokenOnly: false);
        layers.Output.sum().backward();
        layers.Backward();

        Numbers.AreClose(kept.grad!, recomputed.grad!, absolute: 0, relative: 0);
    }

    private static Tensor[] Factors() => [.. Enumerable.Range(1, 3).Select(i => full(1, 1, 1, i / 2.0).requires_grad_())];

    private static LayerRun Multiply(Tensor[] factors) => (layer, hidden, _) => (hidden * factors[layer]).sin();

    [TestMethod]
    public void Masks_are_drawn_again_and_later_draws_go_on_after_them()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var dropout = new Dropout(0.5, generator);
        var drawn = new List<float[]>();
        var layers = new RecomputedLayers(Dropping, ones(1, 1, 8), 0..2, dropout, sentenceTokenOnly: false);
        using var after = generator.get_state();

        layers.Output.sum().backward();
        layers.Backward();

        CollectionAssert.AreNotEqual(drawn[0], drawn[1]);
        CollectionAssert.AreEqual(drawn[1], drawn[2]);
        CollectionAssert.AreEqual(drawn[0], drawn[3]);
        CollectionAssert.AreEqual(after.data<byte>().ToArray(), generator.get_state().data<byte>().ToArray());

        Tensor Dropping(int layer, Tensor hidden, bool sentenceTokenOnly)
        {
            var mask = dropout.Apply(ones_like(hidden, requires_grad: false));
            drawn.Add(mask.data<float>().ToArray());
            return hidden * mask * ones(1, 1, 8).requires_grad_(is_grad_enabled()); // The first layer's input asks for no gradient.
        }
    }

    /// <summary>Each layer keeps 40 MB for its backward pass: large enough that the allocator gives it back to the system at once.</summary>
    [TestMethod]
    public void Activations_of_one_layer_at_a_time_are_alive()
    {
        const long Activation = 40_000_000;
        var start = Bytes();
        var most = 0L;

        using (NewDisposeScope())
        {
            var hidden = ones(1, 1, 1).requires_grad_();
            for (var layer = 0; layer < Layers; layer++)
                hidden = Large(layer, hidden, sentenceTokenOnly: false);
        }
        Assert.IsGreaterThan((Layers - 1) * Activation, most, "The ordinary road keeps them all.");

        most = 0;
        using (NewDisposeScope())
        {
            var layers = new RecomputedLayers(Large, ones(1, 1, 1).requires_grad_(), 0..Layers, dropout: null, sentenceTokenOnly: false);
            layers.Output.sum().backward();
            layers.Backward();
        }
        Assert.IsLessThan(3 * Activation, most);

        Tensor Large(int layer, Tensor hidden, bool sentenceTokenOnly)
        {
            using var scope = NewDisposeScope();
            var output = hidden.expand(1, Activation / sizeof(float), 1).sigmoid().mean([1], keepdim: true);
            most = Math.Max(most, Bytes() - start);
            return output.MoveToOuterDisposeScope();
        }

        static long Bytes()
        {
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64;
        }
    }
}
