using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>The context of all models that are served. The application may have others.</summary>
internal sealed class ServingContext
{
    public ServingContext(IOptions<PTuningModelsOptions> options)
    {
        var settings = options.Value;
        if (settings.GpuDeviceId is { } device)
            Context.GpuDeviceId = device;
        if (settings.BackboneDirectory is { } directory)
            Context.SetPTuningBackboneDirectory(directory);
        if (settings.Precision is { } precision)
            Context.SetPTuningPrecision(precision);
        if (settings.ScoringCores is { } cores)
            Context.SetPTuningScoringCores(cores);
    }

    public MLContext Context { get; } = new();
}
