using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>
/// What GLM and ChatGLM share (Du et al. 2022): a text with a gap, a mask token, whose tokens see each other, and a decoder that fills the gap. The decoder's
/// tokens see the text, and those before them.
/// </summary>
/// <remarks>
/// <para>
/// A token has two positions: its place in the text, which for the decoder's tokens is that of the gap, and its place in the gap, from 1, which for the text's
/// tokens is 0. Without a gap the decoder stands at the text's last token. A prefix does not move positions. Rows are padded on the right.
/// </para>
/// <para>
/// Tasks with one answer per text have a row with a gap and the token that begins what fills it; the state of the decoder's last token stands for the text.
/// Tasks that read every token have the text alone.
/// </para>
/// </remarks>
internal abstract class BlankInfillingBackbone(BackboneConfiguration configuration, FrozenTensors tensors) : Backbone(configuration, tensors)
{
    public sealed override int MaxPositions => Configuration.MaxPositionEmbeddings;

    public sealed override bool PrefixTakesPositions => false;

    public sealed override int CountPositions(int textTokens, int decoderTokens) => Math.Max(textTokens, decoderTokens);

    public sealed override bool HasPooler => false;

    public sealed override bool HasStatePerToken => false;

    public sealed override SentenceToken SentenceToken => SentenceToken.Last;

    protected abstract IReadOnlyList<PreNormLayer> Layers { get; }

    /// <summary>The norm behind the last layer.</summary>
    protected abstract FrozenLayerNorm FinalNorm { get; }

    /// <summary>The first token that the decoder reads tells what fills the gap.</summary>
    public sealed override Tensor MaskStates(Tensor hidden, EncodedBatch batch) =>
        batch.DecoderIds is null ? base.MaskStates(hidden, batch) : hidden.select(1, 0);

    public sealed override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout)
    {
        var decodes = batch.DecoderIds is not null;
        var ofTokens = new AttentionMask(batch, ElementType, causalFrom: decodes ? batch.Length : null);
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

    /// <summary>The rotation of queries and keys; null in families that add positions to the words.</summary>
    protected virtual RotaryPositions? OpenRotary(EncodedBatch batch) => null;

    /// <summary>The two positions of every token, Int64 <c>[B, 2, T + U]</c>.</summary>
    protected static Tensor PositionsOf(EncodedBatch batch)
    {
        var device = batch.Ids.device;
        var places = Arithmetic.Range(0, batch.Length, device).expand(batch.Rows, -1);                          // [B, T]
        var text = stack([places, places.Filled(0)], 1);
        return batch.DecoderIds is null ? text : cat([text, batch.DecoderPositions ?? InGap()], 2);

        Tensor InGap()
        {
            var gaps = (batch.MaskPlaces ?? batch.CountText().MinusOne()).unsqueeze(1).expand(-1, batch.DecoderLength);
            var first = batch.DecoderPast + 1;
            return stack([gaps, Arithmetic.Range(first, first + batch.DecoderLength, device).expand(batch.Rows, -1)], 1);
        }
    }
}
