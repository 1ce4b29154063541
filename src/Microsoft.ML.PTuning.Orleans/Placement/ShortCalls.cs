namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>How long calls of grains that compute for long may last. Who calls finds out soon that a silo has died: other silos are told, but clients are not.</summary>
internal static class ShortCalls
{
    /// <summary>How long a caller may wait for the answer of a call, which is given after <see cref="Patience"/> at the latest.</summary>
    public const string ResponseTimeout = "00:00:08";

    /// <summary>How long a grain waits for its work before it answers that there is no reply yet.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
}
