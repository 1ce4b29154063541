using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.PTuning.Benchmarks.Rows;
using Microsoft.ML.PTuning.Benchmarks.Serving;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>Measures in a process of its own: this program starts itself anew in a mode that its help does not list.</summary>
/// <remarks>For what a process has but once: its peak of memory, its first prediction. The child may use the cores that this one may use.</remarks>
internal static class ChildMeasurement
{
    /// <summary>The first argument of a child; what to measure and its arguments follow.</summary>
    public const string Argument = "--child";

    private static readonly Dictionary<string, Func<string[], double>> Measurements = new()
    {
        [nameof(FirstPrediction)] = FirstPrediction.SecondsInThisProcess,
        [nameof(SecondProcessMemory)] = SecondProcessMemory.BytesInThisProcess,
        [nameof(ModelsMemory)] = ModelsMemory.BytesInThisProcess,
        [nameof(PeakMemory)] = PeakMemory.BytesInThisProcess,
        [nameof(OfficialPython)] = OfficialPython.PeakInThisProcess,
        [nameof(Soak)] = Soak.RatioInThisProcess,
        [nameof(Service)] = Service.RunInThisProcess,
    };

    /// <param name="measurement">What the child measures.</param>
    /// <returns>The number that it found.</returns>
    /// <exception cref="InvalidOperationException">The child failed.</exception>
    public static double Run(string measurement, params string[] arguments)
    {
        using var child = Process.Start(Command(measurement, arguments))!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return child.ExitCode == 0
            ? double.Parse(output, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"The process that measured {measurement} ended with exit code {child.ExitCode}: {output}");
    }

    /// <summary>How a child is started, for those that do more than to find a number. What it writes is redirected.</summary>
    public static ProcessStartInfo Command(string measurement, params string[] arguments) =>
        new(Environment.ProcessPath!, [Environment.GetCommandLineArgs()[0], Argument, measurement, .. arguments]) { RedirectStandardOutput = true };

    /// <summary>What the child does.</summary>
    /// <param name="arguments">Those after <see cref="Argument"/>.</param>
    public static void Answer(string[] arguments) =>
        Console.WriteLine(Measurements[arguments[0]](arguments[1..]).ToString("R", CultureInfo.InvariantCulture));
}
