namespace Microsoft.ML.PTuning.Generation;

/// <summary>Where a text ends.</summary>
/// <param name="Id">The token that ends a text; null where the model has none.</param>
/// <param name="IsStop">Whether tokens, the last of which is new, hold a stop text; null where there is none.</param>
/// <param name="IsForced">Whether a text that reaches the largest number of tokens is closed with <paramref name="Id"/>, for free.</param>
internal sealed record TextEnd(int? Id, Func<IReadOnlyList<int>, bool>? IsStop = null, bool IsForced = false);
