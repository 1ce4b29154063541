using Microsoft.ML.PTuning.Orleans.Placement;
using Orleans.Concurrency;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Scores a range of a job; its key is the job's name and the range's number. While it is on one silo, no other one scores the same range.</summary>
internal interface IScoringRangeGrain : IGrainWithStringKey
{
    /// <returns>Null if it takes longer: ask again.</returns>
    [AlwaysInterleave]
    [ResponseTimeout(ShortCalls.ResponseTimeout)]
    Task<RangeOutcome?> ScoreAsync(RangeAssignment assignment, CancellationToken cancellationToken);
}
