namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Scores a range of a job; its key is the job's name and the range's number. While it is on one silo, no other one scores the same range.</summary>
internal interface IScoringRangeGrain : IGrainWithStringKey
{
    // A call to a silo that dies ends at once. The timeout only bounds what nobody can tell apart from a long range.
    [ResponseTimeout("1.00:00:00")]
    Task<RangeOutcome> ScoreAsync(RangeAssignment assignment, CancellationToken cancellationToken);
}
