namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>What a family calls the linear layers of a transformer layer, as its checkpoint's keys spell them.</summary>
/// <remarks>The feed-forward's are null in a layer of attention only. Queries, keys and values have the same name where one linear layer gives all three.</remarks>
internal sealed record LinearNames(string Query, string Key, string Value, string AttentionOutput, string? Intermediate, string? Output)
{
    /// <summary>Whether their weights are stored transposed, <c>[from, to]</c>.</summary>
    public bool IsTransposed { get; init; }
}
