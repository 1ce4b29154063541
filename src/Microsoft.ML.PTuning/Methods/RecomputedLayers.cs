using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Layers that are run twice in a training step: activations need not be kept from one pass to the other (Chen et al. 2016).</summary>
/// <remarks>
/// <para>
/// Forward, without gradients, only what enters each layer is kept. Backward, from the top down, each layer is run again on what entered it, with
/// gradients this time: they go to what entered it, which is the next gradient to go on with, and to the prefix. So one layer's activations are
/// alive at a time, beside the prefixes with their dropout, for the price of one more forward pass.
/// </para>
/// <para>Dropout draws the same masks both times: its generator goes back to where it stood.</para>
/// </remarks>
internal sealed class RecomputedLayers
{
    private readonly LayerRun _run;
    private readonly IReadOnlyList<LayerPrefix?> _prefixes;
    private readonly int _first;
    private readonly ScalarType _type;
    private readonly Dropout? _dropout;
    private readonly bool _firstTokenOnly;
    private readonly Stack<LayerEntry> _entries = [];

    /// <summary>Runs the layers forward. What is kept belongs to the current dispose scope, which must outlast <see cref="Backward"/>.</summary>
    /// <param name="run">Runs a layer; opened in the current dispose scope.</param>
    /// <param name="entering">What enters the first of them, <c>[B, T, H]</c>; it asks for no gradient.</param>
    /// <param name="prefixes">One a layer of the whole encoder; they may ask for gradients.</param>
    /// <param name="dropout">What <paramref name="run"/> drops with; null for none.</param>
    /// <param name="firstTokenOnly">Whether only the first token's state is read of what leaves the last of them.</param>
    public RecomputedLayers(
        LayerRun run, Tensor entering, IReadOnlyList<LayerPrefix?> prefixes, int first, Dropout? dropout, bool firstTokenOnly)
    {
        (_run, _prefixes, _first, _dropout, _firstTokenOnly) = (run, prefixes, first, dropout, firstTokenOnly);
        _type = entering.dtype;

        using var frozen = no_grad();
        var hidden = entering;
        for (var layer = first; layer < prefixes.Count; layer++)
        {
            _entries.Push(new(layer, hidden, dropout?.SaveGenerator()));
            hidden = Run(layer, hidden);
        }
        Left = hidden.detach().ToTrainedType().requires_grad_();
    }

    /// <summary>What left the last layer, F32 <c>[B, T, H]</c> or <c>[B, 1, H]</c>: a leaf, from which the loss follows.</summary>
    public Tensor Left { get; }

    /// <summary>Hands the gradient of <see cref="Left"/> down through the layers to the prefix.</summary>
    public void Backward()
    {
        var drawnUntilNow = _dropout?.SaveGenerator();
        var gradient = Left.grad!.to(_type);                                // Of Left's shape.
        while (_entries.TryPop(out var entry))
            gradient = HandDown(entry, gradient);
        _dropout?.RestoreGenerator(drawnUntilNow!);
    }

    /// <returns>The gradient of what entered; below the first layer, where nothing asks for it, the given one.</returns>
    private Tensor HandDown(LayerEntry entry, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        _dropout?.RestoreGenerator(entry.GeneratorState!);
        var isFirst = entry.Layer == _first;
        if (!isFirst)
            entry.Hidden.requires_grad_();

        Run(entry.Layer, entry.Hidden).backward([gradient]);
        if (isFirst)
            return gradient;

        var below = entry.Hidden.grad!.MoveToOuterDisposeScope();
        gradient.Dispose();
        entry.Hidden.Dispose();
        return below;
    }

    private Tensor Run(int layer, Tensor hidden) => _run(layer, hidden, _prefixes[layer], _firstTokenOnly && layer == _prefixes.Count - 1);

    /// <param name="Hidden">What entered the layer, <c>[B, T, H]</c>.</param>
    /// <param name="GeneratorState">Where the generator of dropout stood; null without dropout.</param>
    private sealed record LayerEntry(int Layer, Tensor Hidden, Tensor? GeneratorState);
}
