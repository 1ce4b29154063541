using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>A limit on the jobs that run at the same time, shared by several callers. Each job takes one core.</summary>
/// <param name="jobs">1 or more.</param>
internal sealed class JobLimit(int jobs)
{
    private static readonly object Gate = new();

    public int Jobs { get; } = jobs;

    /// <summary>Jobs that run now, as counted by <see cref="WorkerThreads"/>.</summary>
    public int Running { get; set; }

    /// <summary>The limit of a context, shared by all its models and predictors; null where it sets none.</summary>
    /// <param name="environment">The context itself: its hosts do not have its options.</param>
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
