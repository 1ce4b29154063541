using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>What a method changes in an encoder for a batch.</summary>
/// <param name="Prefixes">One per layer of the encoder, null where a layer has none; or null for no prefix at all.</param>
/// <param name="Weights">What is changed in the encoder's own tensors; null for nothing.</param>
/// <param name="Prompts">Trained vectors among the tokens, in the batch's <see cref="EncodedBatch.PromptPlaces"/>; null for none.</param>
internal sealed record Tuning(IReadOnlyList<LayerPrefix?>? Prefixes = null, WeightChanges? Weights = null, InputPrompts? Prompts = null)
{
    /// <summary>Is given each layer's keys and values of the text, <c>[B, h, T, D]</c>, before the prefix; null for nothing.</summary>
    public Action<int, Tensor, Tensor>? OnKeysAndValues { get; init; }

    /// <summary>
    /// Is given each layer's attention probabilities, <c>[B, h, Q, P + T]</c>, the prefix first, on the thread that computes; null for nothing. Attention
    /// is slower with it.
    /// </summary>
    public Action<int, Tensor>? OnProbabilities { get; init; }

    /// <summary>Gives other vectors for the tokens, of the same shape, <c>[B, T, E]</c>, before prompts, positions and segments; null for nothing.</summary>
    public Func<Tensor, Tensor>? ChangeTokenVectors { get; init; }

    /// <summary>The encoder as it is.</summary>
    public static Tuning None { get; } = new();

    /// <summary><see cref="OnProbabilities"/> for one layer.</summary>
    public Action<Tensor>? ObserverOf(int layer) => OnProbabilities is { } observe ? probabilities => observe(layer, probabilities) : null;
}
