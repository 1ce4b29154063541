using System.Diagnostics;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>What a service has used so far, and has in memory now.</summary>
/// <param name="CpuSeconds">Of all its threads.</param>
/// <param name="ResidentBytes">Memory of the process, with what it shares with others.</param>
/// <param name="ManagedBytes">Objects of .NET, with those that are no longer used.</param>
/// <param name="CommittedBytes">What the garbage collector holds for objects.</param>
/// <param name="LoadedModels">Models in memory.</param>
/// <param name="TensorBytes">Their tensors.</param>
/// <param name="Replacements">Models that were loaded in the place of an older version.</param>
internal sealed record ServiceFigures(
    double CpuSeconds, double ResidentBytes, double ManagedBytes, double CommittedBytes, int LoadedModels, double TensorBytes, int Replacements)
{
    public static ServiceFigures Now(IReadOnlyList<PTuningModel> models, int replacements)
    {
        using var process = Process.GetCurrentProcess();
        PTuningModel[] loaded = [.. models.Where(model => model.State == PTuningModelState.Loaded)];
        return new ServiceFigures(
            process.TotalProcessorTime.TotalSeconds, process.WorkingSet64, GC.GetTotalMemory(forceFullCollection: false),
            GC.GetGCMemoryInfo().TotalCommittedBytes, loaded.Length, loaded.Sum(model => (double)(model.TensorBytes ?? 0)), replacements);
    }
}
