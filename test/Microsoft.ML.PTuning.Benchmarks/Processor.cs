using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>What the machine's processor calls itself.</summary>
internal static class Processor
{
    private const string LinuxFile = "/proc/cpuinfo", LinuxField = "model name";

    /// <summary>Its name where the system tells one, else the architecture.</summary>
    public static string Name { get; } = Find() is { Length: > 0 } name ? name : RuntimeInformation.ProcessArchitecture.ToString();

    private static string? Find()
    {
        if (OperatingSystem.IsLinux() && File.Exists(LinuxFile))
            return File.ReadLines(LinuxFile).FirstOrDefault(line => line.StartsWith(LinuxField, StringComparison.Ordinal))?.Split(':')[^1].Trim();
        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER"); // Windows.
    }
}
