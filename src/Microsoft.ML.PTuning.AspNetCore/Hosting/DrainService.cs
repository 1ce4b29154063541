using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Drains the service before anything of the application stops, so that the server still answers what is refused.</summary>
internal sealed class DrainService(Drain drain, IOptions<PTuningOptions> options) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) => drain.RunAsync(options.Value.DrainTimeout, cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
