using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Whether the models' folder can be read.</summary>
internal sealed class FolderHealthCheck(ModelFolderService folder) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(folder.Problem is { } problem
            ? HealthCheckResult.Unhealthy($"The models' folder cannot be read: {problem}")
            : HealthCheckResult.Healthy());
}
