using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>How many jobs of some callers run at the same time, whichever of them asks; each job takes one core.</summary>
/// <param name="jobs">1 or more.</param>
internal sealed class JobLimit(int jobs)
{
    private static readonly object Gate = new();

    public int Jobs { get; } = jobs;

    /// <summary>Jobs that run now. <see cref="WorkerThreads"/> counts them.</summary>
    public int Running { get; set; }

    /// <summary>The limit of a context, shared by all its models and predictors; null where it sets none.</summary>
    /// <param name="environment">The context itself: options are not handed on to its hosts.</param>
    /// <exception cref="ArgumentException">The context's option is no number of cores.</exception>
    public static JobLimit? Of(IHostEnvironment environment)
    {
        lock (Gate)
        {
            return HostEnvironment.ScoringCoresOf(environment) is { } cores
                ? HostEnvironment.Keep(environment, $"{HostEnvironment.ScoringCoresOption}={cores}", () => new JobLimit(cores))
                : null;
        }
    }
}
