using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Whether requests should be sent here: the application does not shut down.</summary>
internal sealed class ServingHealthCheck(Drain drain) : IHealthCheck
{
    /// <summary>The tag of checks that say whether the application is ready.</summary>
    public const string ReadyTag = "ready";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(drain.IsDraining ? HealthCheckResult.Unhealthy("The application shuts down.") : HealthCheckResult.Healthy());
}
