using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Another encoder, which it owns, and how often each of its layers has run.</summary>
internal sealed class CountingBackbone(Backbone inner) : Backbone(inner.Configuration)
{
    private readonly int[] _runs = new int[inner.Configuration.Layers];

    public IReadOnlyList<int> Runs => _runs;

    /// <summary>What a layer does before it runs.</summary>
    public Action<int> BeforeLayer { get; set; } = _ => { };

    public override long ParameterCount => inner.ParameterCount;

    public override int MaxPositions => inner.MaxPositions;

    public override bool HasPooler => inner.HasPooler;

    public override Tensor Embed(EncodedBatch batch, int positionOffset, Dropout? dropout = null) => inner.Embed(batch, positionOffset, dropout);

    public override Tensor Pool(Tensor hidden) => inner.Pool(hidden);

    public override void Dispose() => inner.Dispose();

    public override LayerRun OpenLayers(EncodedBatch batch, Dropout? dropout) => (layer, hidden, prefix) =>
    {
        BeforeLayer(layer);
        Interlocked.Increment(ref _runs[layer]);
        var prefixes = new LayerPrefix?[Configuration.Layers];
        prefixes[layer] = prefix;
        return inner.RunLayers(hidden, batch, prefixes, layer, layer + 1, dropout);
    };
}
