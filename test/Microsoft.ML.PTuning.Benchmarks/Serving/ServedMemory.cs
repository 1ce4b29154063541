using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Memory of a service that was asked for each of 5,000 models, with the usual budget of 200 MB for their tensors.</summary>
internal sealed class ServedMemory : IBenchmark
{
    private const int Models = 5000;

    private static readonly TimeSpan Pause = new PTuningOptions().PollInterval + TimeSpan.FromSeconds(2); // Then freed memory has gone back to the system.

    public string Name => "serving-memory";

    public string Comparison =>
        $"resident memory that {Models} models on disk add to one, by the tensors of those that are loaded (budget of 200 MB, mini encoder)";

    public RatioKind Kind => RatioKind.Memory;

    public bool OnlyByName => true;

    public Ratio Measure(int threads)
    {
        using var folder = new ModelFolder(UntrainedModel.SmallEncoder, Models);
        using var service = new ServiceProcess(Service.Package, folder);
        using (var first = new LoadGenerator(service.Address, folder.Names[..1]))
            first.WarmUp();
        var one = service.Figures();
        using (var all = new LoadGenerator(service.Address, folder.Names))
            all.WarmUp();
        Thread.Sleep(Pause);
        var figures = service.Figures();

        var ratio = (figures.ResidentBytes - one.ResidentBytes) / (figures.TensorBytes - one.TensorBytes);
        return new Ratio(ratio, ratio, ratio)
        {
            Note = FormattableString.Invariant(
                $"{figures.LoadedModels} models loaded, tensors {figures.TensorBytes / 1e6:F1} MB; resident {figures.ResidentBytes / 1e6:F0} MB, ")
                + FormattableString.Invariant($"with one model {one.ResidentBytes / 1e6:F0} MB; ")
                + FormattableString.Invariant($"the garbage collector's {figures.CommittedBytes / 1e6:F0} and {one.CommittedBytes / 1e6:F0} MB"),
        };
    }
}
