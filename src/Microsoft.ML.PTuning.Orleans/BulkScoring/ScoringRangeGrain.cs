using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.Orleans.Placement;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

internal sealed class ScoringRangeGrain(SiloModels models, SiloLimits limits, ILogger<ScoringRangeGrain> logger) : Grain, IScoringRangeGrain
{
    public async Task<RangeOutcome> ScoreAsync(RangeAssignment assignment, CancellationToken cancellationToken)
    {
        try
        {
            var broken = await SiloLimits.RunAsync(limits.Ranges, () => RangeScorer.Score(assignment, models, cancellationToken), cancellationToken);
            return new RangeOutcome(broken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogWarning(e, "Range {Number} of a job with the model {Model} was not scored.", assignment.Number, assignment.Job.Model);
            return Refused.Find(e) is { } refused ? new RangeOutcome(0, refused.Message, IsFinal: true) : new RangeOutcome(0, e.Message);
        }
        finally
        {
            DeactivateOnIdle();
        }
    }
}
