using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>What GPT-2, GLM and ChatGLM share: pre-norm layers that read the text and, behind it, what the decoder reads, then a last norm.</summary>
/// <remarks>Where a decoder reads tokens, only these send queries in the last layer. Rows are padded on the right. No pooler comes with the checkpoints.</remarks>
internal abstract class PreNormBackbone(BackboneConfiguration configuration, FrozenTensors tensors) : Backbone(configuration, tensors)
{
    public sealed override int MaxPositions => Configuration.MaxPositionEmbeddings;

    public sealed override bool HasPooler => false;

    public sealed override SentenceToken SentenceToken => SentenceToken.Last;

    protected abstract IReadOnlyList<PreNormLayer> Layers { get; }

    /// <summary>The norm behind the last layer.</summary>
    protected abstract FrozenLayerNorm FinalNorm { get; }

    public sealed override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout)
    {
        var decodes = batch.DecoderIds is not null;
        var ofTokens = new AttentionMask(batch, ElementType, CausalFrom(batch));
        var ofLastToken = new AttentionMask(batch, ElementType);
        var rotary = OpenRotary(batch);
        return (layer, hidden, sentenceTokenOnly) =>
        {
            var prefix = tuning.Prefixes?[layer];
            var visible = (sentenceTokenOnly ? ofLastToken : ofTokens).For(prefix); // Made outside of the scope, because the mask outlives the layer.
            var isLast = layer == Configuration.Layers - 1;
            Func<Tensor, Tensor>? select = sentenceTokenOnly ? LastToken : isLast && decodes ? Decoded : null;
            using var scope = NewDisposeScope();
            if (isLast && decodes && !sentenceTokenOnly)
                visible = visible!.narrow(2, batch.Length, batch.DecoderLength);                                // [B, 1, U, P + T + U]
            var output = Layers[layer].Forward(hidden, Attend, select, tuning.Weights, dropout);
            if (isLast)
                output = FinalNorm.Forward(output, tuning.Weights);
            return output.MoveToOuterDisposeScope();

            Tensor Attend(Tensor q, Tensor k, Tensor v)
            {
                if (rotary is not null)
                    (q, k) = (rotary.Turn(q, select), rotary.Turn(k));
                tuning.OnKeysAndValues?.Invoke(layer, k, v);
                return PrefixedAttention.Attend(q, k, v, prefix, visible, dropout, tuning.ObserverOf(layer));
            }
        };

        Tensor LastToken(Tensor states) =>                                                                      // [B, 1, H]
            SentenceStates(decodes ? Decoded(states) : states, batch.StatesMask).unsqueeze(1);

        Tensor Decoded(Tensor states) => states.narrow(1, batch.Length, batch.DecoderLength);                   // [B, U, H]
    }

    /// <inheritdoc cref="AttentionMask" path="/param[@name='causalFrom']"/>
    protected abstract int? CausalFrom(EncodedBatch batch);

    /// <summary>The rotation of queries and keys; null in families that add positions to the words.</summary>
    protected virtual RotaryPositions? OpenRotary(EncodedBatch batch) => null;
}
