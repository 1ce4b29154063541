using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Loads on the web service. The service is a process of its own; it and the generator of the load share the machine's cores.</summary>
internal static class ServingBenchmarks
{
    private const string? MiniLM = null; // The default encoder.
    private const string Mini = UntrainedModel.SmallEncoder;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new ServedRate("serving-rate-1-model", "mini encoder", Mini, models: 1),
        new ServedRate("serving-rate-16-models", "mini encoder", Mini, models: 16),
        new ServedRate("serving-rate-200-models", "mini encoder", Mini, models: 200),
        new ServedRate("serving-rate-minilm-16-models", "default encoder", MiniLM, models: 16),
        new Overload("serving-overload", "mini encoder", Mini),
        new Overload("serving-overload-minilm", "default encoder", MiniLM),
        new Replacing(),
        new ServedMemory(),
    ];
}
