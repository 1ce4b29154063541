using System.Globalization;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Memory that this process alone has; pages of files that another process has mapped as well do not count.</summary>
internal static class PrivateMemory
{
    private const string Rollup = "/proc/self/smaps_rollup";

    /// <summary>Why it cannot be told; null where it can.</summary>
    public static string? Obstacle => File.Exists(Rollup) ? null : $"it takes Linux's {Rollup}";

    /// <summary>Bytes now, after a garbage collection.</summary>
    public static double Bytes()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return 1024 * File.ReadLines(Rollup)
            .Where(line => line.StartsWith("Private_", StringComparison.Ordinal) && !line.StartsWith("Private_Hugetlb", StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
    }
}
