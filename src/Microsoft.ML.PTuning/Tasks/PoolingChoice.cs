using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Chooses the pooling for an encoder, and checks it.</summary>
internal static class PoolingChoice
{
    /// <summary>The pooling that training uses over an encoder; never <see cref="Pooling.Automatic"/>.</summary>
    public static Pooling ResolvedOver(this Pooling pooling, Backbone backbone) =>
        pooling != Pooling.Automatic ? pooling
        : backbone.Configuration.PoolsMean != false ? Pooling.Mean
        : backbone.HasPooler ? Pooling.Checkpoint
        : Pooling.Trained;

    /// <returns>Why the encoder does not allow this pooling, and what to do; null if it does.</returns>
    public static string? FindMisfit(this Pooling pooling, Backbone backbone) =>
        pooling == Pooling.Checkpoint && !backbone.HasPooler
            ? $"Pooling is {Pooling.Checkpoint}, but this {backbone.Configuration.ModelType} checkpoint has no pooler. "
                + $"Use {Pooling.Trained}, {Pooling.Mean} or {Pooling.Automatic}."
            : null;
}
