namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>The prefix of the keys in a family's checkpoints, and what they hold beside the encoder.</summary>
/// <param name="Prefix">What the keys of full checkpoints begin with: <c>bert.</c>; encoders saved alone have none.</param>
internal sealed record CheckpointNames(string Prefix)
{
    /// <summary>Beginnings of the keys of heads that published checkpoints of the family hold, beside the heads that any family may have.</summary>
    public IReadOnlyList<string> Heads { get; init; } = [];

    /// <summary>Endings of the keys of constants that some versions of transformers saved with the weights.</summary>
    public IReadOnlyList<string> Buffers { get; init; } = [];
}
