using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Another encoder, which it owns, and how many rows each of its layers has run over.</summary>
internal sealed class CountingBackbone(Backbone inner) : Backbone(inner.Configuration, inner.Tensors)
{
    /// <summary>Rows that each layer has run over.</summary>
    public int[] Rows { get; } = new int[inner.Configuration.Layers];

    /// <summary>Tokens a row that left each layer in the last batch.</summary>
    public long[] TokensLeft { get; } = new long[inner.Configuration.Layers];

    /// <summary>Is told the rows of each batch, before they are embedded, on the thread that computes.</summary>
    public Action<int> BeforeBatch { get; set; } = _ => { };

    /// <summary>What a layer does before it runs.</summary>
    public Action<int> BeforeLayer { get; set; } = _ => { };

    public override int MaxPositions => inner.MaxPositions;

    public override bool HasPooler => inner.HasPooler;

    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        BeforeBatch(batch.Rows);
        return inner.Embed(batch, positionOffset, tuning, dropout);
    }

    public override SentenceToken SentenceToken => inner.SentenceToken;

    public override Tensor Pool(Tensor hidden, Tensor? mask = null, Tuning? tuning = null) => inner.Pool(hidden, mask, tuning);

    public override void Dispose() => inner.Dispose();

    public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout) => (layer, hidden, sentenceTokenOnly) =>
    {
        BeforeLayer(layer);
        Interlocked.Add(ref Rows[layer], (int)hidden.size(0));
        var output = inner.RunLayers(hidden, batch, tuning, layer, layer + 1, dropout, sentenceTokenOnly);
        TokensLeft[layer] = output.size(1);
        return output;
    };
}
