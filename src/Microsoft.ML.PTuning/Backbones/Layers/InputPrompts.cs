using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Trained vectors that stand among a text's tokens instead of words (Lester et al. 2021; Liu et al. 2021).</summary>
/// <param name="Vectors">Of any type, <c>[P, E]</c> shared by the batch, or <c>[B, P, E]</c>.</param>
/// <param name="Deltas">
/// What is added to each layer's input at the prompts' places, a tensor per layer, <c>[P, H]</c> or <c>[B, P, H]</c> (Qin &amp; Eisner 2021); null for
/// nothing.
/// </param>
internal sealed record InputPrompts(Tensor Vectors, IReadOnlyList<Tensor>? Deltas = null)
{
    /// <summary>
    /// The vectors of a batch's tokens, before positions and segments are added: those of words, with the prompts in their places, then those of the
    /// tokens that the decoder reads.
    /// </summary>
    /// <returns><c>[B, T + U, E]</c>.</returns>
    public static Tensor EmbedTokens(FrozenEmbedding words, EncodedBatch batch, Tuning? tuning)
    {
        var vectors = batch.TokenVectors ?? words.Forward(batch.Ids, tuning?.Weights);
        if (batch.DecoderIds is { } ids)
            vectors = cat([vectors, words.Forward(ids, tuning?.Weights)], 1);
        vectors = tuning?.ChangeTokenVectors?.Invoke(vectors) ?? vectors;
        return tuning?.Prompts is { } prompts ? vectors.scatter(1, Places(batch, vectors), ByRow(prompts.Vectors, vectors)) : vectors;
    }

    /// <summary>Layers whose inputs get the deltas.</summary>
    public static LayerRun AddDeltas(LayerRun run, EncodedBatch batch, Tuning? tuning)
    {
        return tuning?.Prompts?.Deltas is { } deltas ? RunWithDelta : run;

        Tensor RunWithDelta(int layer, Tensor hidden, bool sentenceTokenOnly)
        {
            using var input = Add(hidden, deltas[layer], batch);
            return run(layer, input, sentenceTokenOnly); // In the scope that the layers were opened in, which their masks belong to.
        }
    }

    private static Tensor Add(Tensor hidden, Tensor delta, EncodedBatch batch)
    {
        using var scope = NewDisposeScope();
        return hidden.scatter_add(1, Places(batch, hidden), ByRow(delta, hidden)).MoveToOuterDisposeScope();
    }

    private static Tensor Places(EncodedBatch batch, Tensor vectors) =>
        (batch.PromptPlaces ?? throw new InvalidOperationException("The batch has no places for prompts. Arrange it by the method first."))
            .unsqueeze(-1).expand(-1, -1, vectors.size(-1));                              // [B, P, E]

    private static Tensor ByRow(Tensor prompt, Tensor vectors)
    {
        prompt = prompt.to(vectors.dtype);
        return prompt.dim() == 3 ? prompt : prompt.unsqueeze(0).expand(vectors.size(0), -1, -1);
    }
}
