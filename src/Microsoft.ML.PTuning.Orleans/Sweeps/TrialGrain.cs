using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Orleans.Placement;

namespace Microsoft.ML.PTuning.Orleans.Sweeps;

[GrainType("ptuning-trial")]
internal sealed class TrialGrain(IServiceProvider services, SiloLimits limits, ILogger<TrialGrain> logger) : WorkGrain<TrialReply>(limits.Trials), ITrialGrain
{
    public Task<TrialReply?> MeasureAsync(TrialRequest request, CancellationToken cancellationToken) =>
        AskAsync(stop => Measure(request, stop), cancellationToken);

    private TrialReply Measure(TrialRequest request, CancellationToken cancellationToken)
    {
        if (services.GetKeyedService<SiloSweep>(request.Sweep) is not { } sweep)
            return new(double.NaN, Refusal: $"A silo has no sweep '{request.Sweep}'. Add it to all: siloBuilder.AddPTuningSweep(\"{request.Sweep}\", …).");

        try
        {
            return new TrialReply(sweep.Measure(request.Point, cancellationToken));
        }
        catch (InvalidDataException another)
        {
            return new TrialReply(double.NaN, Refusal: another.Message);
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException && !cancellationToken.IsCancellationRequested)
        {
            logger.LogInformation(failure, "Candidate {Candidate} of the sweep {Sweep} failed.", request.Candidate, request.Sweep);
            return new TrialReply(double.NaN, Failure: failure.Message);
        }
    }
}
