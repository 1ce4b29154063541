using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Layers that are run twice in a training step: activations need not be kept from one pass to the other (Chen et al. 2016).</summary>
/// <remarks>
/// <para>
/// Forward, without gradients, only each layer's input is kept. Backward, from the top down, each layer is run again on its input, with gradients
/// this time: they go to the input, which is the next gradient to go on with, and to what the method trains. So one layer's activations are alive at
/// a time, beside the tuning with its dropout, for the price of one more forward pass.
/// </para>
/// <para>Dropout draws the same masks both times: its generator goes back to where it stood.</para>
/// </remarks>
internal sealed class RecomputedLayers
{
    private readonly LayerRun _run;
    private readonly Tensor _input;
    private readonly int _last;
    private readonly Dropout? _dropout;
    private readonly bool _sentenceTokenOnly;
    private readonly Stack<LayerInput> _inputs = [];

    /// <summary>Runs the layers forward. What is kept belongs to the current dispose scope, which must outlast <see cref="Backward"/>.</summary>
    /// <param name="run">Runs a layer; opened in the current dispose scope.</param>
    /// <param name="input">The input of the first of them, <c>[B, T, H]</c>; where it depends on what is trained, it gets its gradient, too.</param>
    /// <param name="layers">Which layers, none or more.</param>
    /// <param name="dropout">What <paramref name="run"/> drops with; null for none.</param>
    /// <param name="sentenceTokenOnly">Whether only the state of the sentence token is read of the last one's output.</param>
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

    /// <summary>The last layer's output, F32 <c>[B, T, H]</c> or <c>[B, 1, H]</c>: a leaf, from which the loss follows.</summary>
    public Tensor Output { get; }

    /// <summary>Hands the gradient of <see cref="Output"/> down through the layers to what is trained.</summary>
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

    /// <returns>The gradient of the layer's input; below the first layer, where nothing asks for it, the given one.</returns>
    private Tensor HandDown(LayerInput input, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        _dropout?.RestoreGenerator(input.GeneratorState!);
        var goesOn = _inputs.Count > 0 || _input.requires_grad;
        if (goesOn)
            input.Hidden.requires_grad_();

        Run(input.Layer, input.Hidden).backward([gradient]);
        if (!goesOn)
            return gradient;

        var below = input.Hidden.grad!.MoveToOuterDisposeScope();
        gradient.Dispose();
        input.Hidden.Dispose();
        return below;
    }

    private Tensor Run(int layer, Tensor hidden) => _run(layer, hidden, _sentenceTokenOnly && layer == _last);

    /// <param name="Hidden">The layer's input, <c>[B, T, H]</c>.</param>
    /// <param name="GeneratorState">Where the generator of dropout stood; null without dropout.</param>
    private sealed record LayerInput(int Layer, Tensor Hidden, Tensor? GeneratorState);
}
