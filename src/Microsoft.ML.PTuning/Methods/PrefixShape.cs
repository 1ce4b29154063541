using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>How long and how deep a prefix is, for one encoder.</summary>
/// <param name="Length">Prefix length, P, 1 or more.</param>
/// <param name="Selected">The layers that have a prefix, ascending; there are L'.</param>
/// <param name="EncoderLayers">Layers of the encoder, L.</param>
/// <param name="Heads">Heads of keys and values, h.</param>
/// <param name="HeadSize">Size of a head, D.</param>
internal sealed record PrefixShape(int Length, IReadOnlyList<int> Selected, int EncoderLayers, int Heads, int HeadSize)
{
    public static PrefixShape For(BackboneConfiguration encoder, int length, LayerSelection layers) =>
        new(length, layers.In(encoder.Layers), encoder.Layers, encoder.KeyValueHeads, encoder.HeadSize);

    /// <summary>The places of each stack's layers among those with a prefix; stacks without any are left out.</summary>
    public IReadOnlyList<int[]> Stacks(Backbone backbone) =>
    [
        .. Enumerable.Range(0, Layers).GroupBy(place => backbone.StackOf(Selected[place])).OrderBy(stack => stack.Key).Select(stack => stack.ToArray()),
    ];

    /// <summary>How many layers have a prefix, L'.</summary>
    public int Layers => Selected.Count;

    /// <summary>The first layer with a prefix.</summary>
    public int FirstLayer => Selected[0];

    /// <summary>Numbers that one position of the prefix holds: 2 · L' · H.</summary>
    public int Width => 2 * Layers * Heads * HeadSize;

    /// <summary>Canonical dimensions <c>[P, L', 2, h, D]</c>; flattened, the order of the official checkpoint and of PEFT's <c>prompt_embeddings</c>.</summary>
    public long[] Dimensions => [Length, Layers, 2, Heads, HeadSize];
}
