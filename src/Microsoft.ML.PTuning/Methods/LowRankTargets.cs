namespace Microsoft.ML.PTuning;

/// <summary>The linear layers that <see cref="LowRankAdaptation"/> changes, in each layer of the encoder.</summary>
/// <remarks>
/// GPT-2 and the first DeBERTa have one linear layer that gives queries, keys and values. Any of the three means that layer.
/// </remarks>
[Flags]
public enum LowRankTargets
{
    /// <summary>None, which is refused.</summary>
    None = 0,

    /// <summary>The queries of the attention.</summary>
    Queries = 1,

    /// <summary>The keys of the attention.</summary>
    Keys = 2,

    /// <summary>The values of the attention.</summary>
    Values = 4,

    /// <summary>The linear layer after the attention.</summary>
    AttentionOutput = 8,

    /// <summary>Both linear layers of the feed-forward network.</summary>
    FeedForward = 16,

    /// <summary>All of them.</summary>
    All = Queries | Keys | Values | AttentionOutput | FeedForward,
}
