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
/// tokens is 0. Without a gap the decoder stands at the text's last token. A prefix does not move positions.
/// </para>
/// <para>
/// Tasks with one answer per text have a row with a gap and the token that begins what fills it; the state of the decoder's last token stands for the text.
/// Tasks that read every token have the text alone.
/// </para>
/// </remarks>
internal abstract class BlankInfillingBackbone : PreNormBackbone
{
    private readonly FrozenEmbedding _words; // [vocabulary, H]

    /// <param name="root">What the names of layers and of the last norm begin with.</param>
    /// <param name="byHead">As in <see cref="FusedProjection"/>.</param>
    /// <param name="normalizedResidual">As in <see cref="PreNormLayer.NormalizedResidual"/>.</param>
    protected BlankInfillingBackbone(
        BackboneConfiguration configuration, FrozenTensors tensors, string root, bool byHead = false, double? normalizedResidual = null)
        : base(configuration, tensors)
    {
        _words = FrozenEmbedding.Of(tensors, "word_embeddings");
        Layers = [.. Enumerable.Range(0, configuration.Layers).Select(i => new PreNormLayer
        {
            AttentionNorm = Norm(AttentionNorm(root, i)),
            Projection = new FusedProjection(FrozenLinear.Of(tensors, QueryKeyValue(root, i)), configuration.Heads, byHead),
            AttentionOutput = FrozenLinear.Of(tensors, AttentionOutput(root, i)),
            FeedForwardNorm = Norm(FeedForwardNorm(root, i)),
            Intermediate = FrozenLinear.Of(tensors, Intermediate(root, i)),
            Output = FrozenLinear.Of(tensors, Output(root, i)),
            Activation = Activation.Named(configuration.Activation),
            NormalizedResidual = normalizedResidual,
        })];
        FinalNorm = Norm($"{root}final_layernorm");

        FrozenLayerNorm Norm(string module) => FrozenLayerNorm.Of(tensors, module, configuration.LayerNormEpsilon);
    }

    public sealed override bool PrefixTakesPositions => false;

    public sealed override bool DecoderFollowsText => false;

    public sealed override bool HasStatePerToken => false;

    protected sealed override IReadOnlyList<PreNormLayer> Layers { get; }

    protected sealed override FrozenLayerNorm FinalNorm { get; }

    /// <summary>The first token that the decoder reads tells what fills the gap.</summary>
    public sealed override Tensor MaskStates(Tensor hidden, EncodedBatch batch) =>
        batch.DecoderIds is null ? base.MaskStates(hidden, batch) : hidden.select(1, 0);

    /// <exception cref="ArgumentException">There are more tokens than the model was made for.</exception>
    public sealed override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, offset: 0);

        using var scope = NewDisposeScope();
        var words = InputPrompts.EmbedTokens(_words, batch, tuning);                                            // [B, T + U, H]
        return AddPositions(words, batch, tuning?.Weights).Drop(dropout).MoveToOuterDisposeScope();
    }

    protected sealed override int? CausalFrom(EncodedBatch batch) => batch.DecoderIds is null ? null : batch.Length;

    /// <summary>The words with their positions; the words alone in families that rotate queries and keys.</summary>
    /// <param name="words"><c>[B, T + U, H]</c>.</param>
    protected virtual Tensor AddPositions(Tensor words, EncodedBatch batch, WeightChanges? changes) => words;

    /// <summary>The names of a layer's linear layers. Queries, keys and values come from one.</summary>
    protected static LinearNames Linear(string root, int layer) => new(
        QueryKeyValue(root, layer), QueryKeyValue(root, layer), QueryKeyValue(root, layer), AttentionOutput(root, layer), Intermediate(root, layer),
        Output(root, layer));

    /// <summary>The words, the layers and the last norm.</summary>
    protected static List<TensorDeclaration> Declare(BackboneConfiguration configuration, string root)
    {
        var (hidden, feedForward) = (configuration.HiddenSize, configuration.FeedForwardSize);
        List<TensorDeclaration> declared = [new("word_embeddings.weight", [configuration.VocabularySize, hidden])];
        for (var i = 0; i < configuration.Layers; i++)
        {
            declared.AddRange(
            [
                .. TensorDeclaration.LayerNorm(AttentionNorm(root, i), hidden),
                .. TensorDeclaration.Linear(QueryKeyValue(root, i), hidden, 3 * hidden),
                .. TensorDeclaration.Linear(AttentionOutput(root, i), hidden, hidden),
                .. TensorDeclaration.LayerNorm(FeedForwardNorm(root, i), hidden),
                .. TensorDeclaration.Linear(Intermediate(root, i), hidden, feedForward),
                .. TensorDeclaration.Linear(Output(root, i), feedForward, hidden),
            ]);
        }
        declared.AddRange(TensorDeclaration.LayerNorm($"{root}final_layernorm", hidden));
        return declared;
    }

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

    private static string QueryKeyValue(string root, int layer) => $"{root}layers.{layer}.attention.query_key_value";

    private static string AttentionOutput(string root, int layer) => $"{root}layers.{layer}.attention.dense";

    private static string AttentionNorm(string root, int layer) => $"{root}layers.{layer}.input_layernorm";

    private static string FeedForwardNorm(string root, int layer) => $"{root}layers.{layer}.post_attention_layernorm";

    private static string Intermediate(string root, int layer) => $"{root}layers.{layer}.mlp.dense_h_to_4h";

    private static string Output(string root, int layer) => $"{root}layers.{layer}.mlp.dense_4h_to_h";
}
