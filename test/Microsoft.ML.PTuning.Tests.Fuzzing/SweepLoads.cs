using Microsoft.ML.PTuning.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Opens the results of a sweep.</summary>
internal static class SweepLoads
{
    public static void Load(string folder, string variant)
    {
        using var trials = new TrialFile(Path.Combine(folder, "results.jsonl"));
        trials.Find([]);
    }
}
