using Microsoft.ML.PTuning.Orleans.Placement;
using Orleans.Concurrency;

namespace Microsoft.ML.PTuning.Orleans.Sweeps;

/// <summary>Trains a trial; its key is the sweep's name and the trial's place in it.</summary>
internal interface ITrialGrain : IGrainWithStringKey
{
    /// <returns>Null if it takes longer: ask again.</returns>
    [AlwaysInterleave]
    [ResponseTimeout(ShortCalls.ResponseTimeout)]
    Task<TrialReply?> MeasureAsync(TrialRequest request, CancellationToken cancellationToken);
}

/// <summary>A point of a sweep.</summary>
/// <param name="Sweep">The name under which the silos have it.</param>
[GenerateSerializer]
[Immutable]
internal sealed record TrialRequest(
    [property: Id(0)] string Sweep, [property: Id(1)] int Candidate, [property: Id(2)] int Epochs, [property: Id(3)] string Options)
{
    public PTuningSweepPoint Point => new() { Candidate = Candidate, Epochs = Epochs, Options = Options };
}

/// <summary>What became of a trial.</summary>
/// <param name="Failure">Why it failed, which is a result of the sweep; null if it did not.</param>
/// <param name="Refusal">Why the silo did not train it, which ends the sweep; null if it did.</param>
[GenerateSerializer]
[Immutable]
internal sealed record TrialReply([property: Id(0)] double Metric, [property: Id(1)] string? Failure = null, [property: Id(2)] string? Refusal = null);
