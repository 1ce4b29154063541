using System.Globalization;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>The most memory that this process has had since a moment. Where the system does not tell, what it has now.</summary>
internal static class PeakMemory
{
    private const string Reset = "/proc/self/clear_refs", Status = "/proc/self/status", Peak = "VmHWM:";

    public static void Begin()
    {
        if (OperatingSystem.IsLinux())
            File.WriteAllText(Reset, "5");
    }

    public static long MegaBytes()
    {
        if (!OperatingSystem.IsLinux())
            return Environment.WorkingSet >> 20;
        var line = File.ReadLines(Status).First(line => line.StartsWith(Peak, StringComparison.Ordinal));
        return long.Parse(line[Peak.Length..].Replace("kB", "").Trim(), NumberStyles.None, CultureInfo.InvariantCulture) >> 10;
    }
}
