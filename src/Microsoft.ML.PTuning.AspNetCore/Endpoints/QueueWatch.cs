using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>Whether a row would wait for too long. A service in front of a cluster does not know: there the silos refuse.</summary>
internal sealed class QueueWatch(IServiceProvider services, IOptions<PTuningOptions> options)
{
    private readonly ModelStore? _store = services.GetService<ModelStore>();

    /// <summary>Whether calls are refused.</summary>
    public bool IsFull(string model) => Wait(model) > options.Value.MaxQueueWait;

    /// <summary>Whether rows of streams wait, so that single requests find room.</summary>
    public bool IsHalfFull(string model) => Wait(model) > options.Value.MaxQueueWait / 2;

    private TimeSpan Wait(string model) => _store?.ExpectedWait(model) ?? TimeSpan.Zero;
}
