using System.Diagnostics;
using System.Numerics;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>Bounds how many cores a measurement uses: the program runs itself anew, tied to so many of them.</summary>
/// <remarks>
/// The operating system keeps all threads of a process that starts with an affinity on its cores; .NET and libtorch count no others. So the
/// bound holds for the library's worker threads, libtorch's, the thread pool's and the garbage collector's alike. macOS has no such thing:
/// there .NET is only told the number.
/// </remarks>
internal static class CoreLimit
{
    private const string MachineCoresVariable = "PTUNING_BENCHMARK_MACHINE_CORES";

    /// <summary>Cores of this machine, also when this process may use fewer.</summary>
    public static int MachineCores { get; } =
        int.TryParse(Environment.GetEnvironmentVariable(MachineCoresVariable), out var cores) ? cores : Environment.ProcessorCount;

    /// <summary>Runs this program with the same arguments on <paramref name="cores"/> of its cores. Called on the main thread.</summary>
    /// <returns>Its exit code.</returns>
    public static int RunUnder(int cores, IEnumerable<string> arguments)
    {
        if (Environment.GetEnvironmentVariable(MachineCoresVariable) is not null)
        {
            throw new InvalidOperationException(
                $"Asked for {cores} cores, but this process, which was started under that limit, counts {Environment.ProcessorCount}.");
        }

        var start = new ProcessStartInfo(Environment.ProcessPath!, [Environment.GetCommandLineArgs()[0], .. arguments]);
        start.Environment[MachineCoresVariable] = $"{MachineCores}";
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            using var self = Process.GetCurrentProcess();
            self.ProcessorAffinity = Lowest(cores, self.ProcessorAffinity); // The child inherits it.
        }
        else
        {
            start.Environment["DOTNET_PROCESSOR_COUNT"] = $"{cores}";
        }

        using var child = Process.Start(start)!;
        child.WaitForExit();
        return child.ExitCode;
    }

    /// <summary>The mask's lowest <paramref name="count"/> set bits.</summary>
    private static nint Lowest(int count, nint mask)
    {
        var (left, lowest) = ((nuint)mask, (nuint)0);
        for (; count > 0 && left != 0; count--)
        {
            lowest |= (nuint)1 << BitOperations.TrailingZeroCount(left);
            left &= left - 1;
        }
        return (nint)lowest;
    }
}
