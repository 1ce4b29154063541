using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.Orleans.Placement;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

[GrainType("ptuning-scoring-range")]
internal sealed class ScoringRangeGrain(SiloModels models, SiloLimits limits, ILogger<ScoringRangeGrain> logger)
    : WorkGrain<RangeOutcome>(limits.Ranges), IScoringRangeGrain
{
    public Task<RangeOutcome?> ScoreAsync(RangeAssignment assignment, CancellationToken cancellationToken) =>
        AskAsync(stop => Score(assignment, stop), cancellationToken);

    private RangeOutcome Score(RangeAssignment assignment, CancellationToken cancellationToken)
    {
        try
        {
            return new RangeOutcome(RangeScorer.Score(assignment, models, cancellationToken));
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogWarning(e, "Range {Number} of a job with the model {Model} was not scored.", assignment.Number, assignment.Job.Model);
            return Refused.Find(e) is { } refused ? new RangeOutcome(0, refused.Message, IsFinal: true) : new RangeOutcome(0, e.Message);
        }
    }
}
