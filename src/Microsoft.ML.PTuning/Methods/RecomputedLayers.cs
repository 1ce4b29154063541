using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Layers that run twice in a training step, so that their activations are not stored in between (Chen et al. 2016).</summary>
/// <remarks>
/// <para>
/// The forward pass computes no gradients and stores only each layer's input. The backward pass goes from the top layer down. It runs each layer again
/// on its stored input, this time with gradients: those of the input go on to the layer below, the others to what the method trains. So only one
/// layer's activations are in memory at a time, for the price of one more forward pass.
/// </para>
/// <para>Dropout draws the same masks both times, because its generator is set back.</para>
/// </remarks>
internal sealed class RecomputedLayers
{
    private readonly LayerRun _run;
    private readonly Tensor _input;
    private readonly int _last;
    private readonly Dropout? _dropout;
    private readonly bool _sentenceTokenOnly;
    private readonly Stack<LayerInput> _inputs = [];

    /// <summary>Runs the layers forward. The stored inputs belong to the current dispose scope, which must outlast <see cref="Backward"/>.</summary>
    /// <param name="run">Runs a layer; opened in the current dispose scope.</param>
    /// <param name="input">The input of the first of them, <c>[B, T, H]</c>; it gets a gradient where it requires one.</param>
    /// <param name="layers">Which layers, none or more.</param>
    /// <param name="dropout">The dropout that <paramref name="run"/> applies; null for none.</param>
    /// <param name="sentenceTokenOnly">Whether the caller reads only the sentence token of the last layer.</param>
    public RecomputedLayers(LayerRun run, Tensor input, Range layers, Dropout? dropout, bool sentenceTokenOnly)
    {
        (_run, _input, _last, _dropout, _sentenceTokenOnly) = (run, input, layers.End.Value - 1, dropout, sentenceTokenOnly);

        using var frozen = no_grad();
        var hidden = input.detach();
        for (var layer = layers.Start.Value; layer <= _last; layer++)
        {
            _inputs.Push(new(layer, hidden, dropout?.SaveGenerator()));
            hidden = Run(layer, hidden);
        }
        Output = hidden.detach().ToTrainedType().requires_grad_();
    }

    /// <summary>The last layer's output, F32 <c>[B, T, H]</c> or <c>[B, 1, H]</c>: a leaf from which the loss is computed.</summary>
    public Tensor Output { get; }

    /// <summary>Passes the gradient of <see cref="Output"/> down through the layers to what is trained.</summary>
    public void Backward()
    {
        var drawnUntilNow = _dropout?.SaveGenerator();
        var gradient = Output.grad!.to(_input.dtype);                       // Of the output's shape.
        while (_inputs.TryPop(out var input))
            gradient = HandDown(input, gradient);
        if (_input.requires_grad)
            _input.backward([gradient]);
        _dropout?.RestoreGenerator(drawnUntilNow!);
    }

    /// <returns>The gradient of the layer's input; the given gradient where the first layer's input needs none.</returns>
    private Tensor HandDown(LayerInput input, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        _dropout?.RestoreGenerator(input.GeneratorState!);
        var goesOn = _inputs.Count > 0 || _input.requires_grad;
        if (goesOn)
            input.Hidden.requires_grad_();

        var output = Run(input.Layer, input.Hidden);
        if (output.requires_grad) // In the first layer nothing may be trained.
            output.backward([gradient]);
        if (!goesOn)
            return gradient;

        var below = input.Hidden.grad!.MoveToOuterDisposeScope();
        gradient.Dispose();
        input.Hidden.Dispose();
        return below;
    }

    private Tensor Run(int layer, Tensor hidden) => _run(layer, hidden, _sentenceTokenOnly && layer == _last);

    /// <param name="Hidden">The layer's input, <c>[B, T, H]</c>.</param>
    /// <param name="GeneratorState">The state of dropout's generator before the layer; null without dropout.</param>
    private sealed record LayerInput(int Layer, Tensor Hidden, Tensor? GeneratorState);
}
