using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>What became of a mutant in the other process.</summary>
/// <param name="Number">The mutant's; 0 for a case that was found.</param>
internal sealed record FuzzReport(string Parser, int Number, Verdict Verdict, long MegaBytes, string Detail);

/// <summary>A process that loads many mutants one after the other. Behind one that ends it, or takes too long or too much, another goes on.</summary>
/// <param name="seeds">The folder of <see cref="FuzzSeeds"/>.</param>
/// <param name="keeps">Whether the mutants' folders stay.</param>
internal sealed class FuzzProcess(string seeds, bool keeps = false) : IDisposable
{
    public const long MostMegaBytes = 1024;

    private const string HeapLimit = "30000000"; // Hexadecimal: 768 MiB.

    // Computing time: other processes may take the cores. One that waits for something takes none, and ends by the clock.
    private static readonly TimeSpan MostComputing = TimeSpan.FromSeconds(5), MostTime = TimeSpan.FromMinutes(1), Poll = TimeSpan.FromMilliseconds(50);

    private readonly List<string> _errors = [];
    private Process? _process;

    /// <summary>The mutants' folders.</summary>
    public string Work { get; } = Directory.CreateTempSubdirectory("ptuning-fuzz-").FullName;

    /// <param name="seed">Of all mutants.</param>
    /// <param name="first">The first one's number.</param>
    /// <param name="end">One more than the last one's.</param>
    public IEnumerable<FuzzReport> Run(string parser, int seed, int first, int end)
    {
        for (var number = first; number < end; number++)
        {
            Send(FormattableString.Invariant($"{parser} {seed} {number} {end}"));
            foreach (var report in Reports(parser))
            {
                number = report.Number;
                yield return report;
            }
        }
    }

    /// <param name="folder">Of a case that was found.</param>
    public FuzzReport RunFound(string parser, string folder)
    {
        Send($"{parser} found {folder}");
        return Reports(parser).Single();
    }

    public void Dispose()
    {
        End();
        if (!keeps)
            Directory.Delete(Work, recursive: true);
    }

    /// <summary>The reports of a command, up to the mutant that ends the process.</summary>
    private IEnumerable<FuzzReport> Reports(string parser)
    {
        while (Line(out var reason) is { } line)
        {
            if (line == "done")
                yield break;

            var number = int.Parse(line["start ".Length..], CultureInfo.InvariantCulture);
            if (Line(out reason)?.Split(' ', 4) is not [_, var verdict, var memory, var detail])
            {
                yield return new(parser, number, Verdict.Other, 0, End() is var errors && reason is null ? $"The process ended: {errors}" : reason!);
                yield break;
            }

            var megaBytes = long.Parse(memory, CultureInfo.InvariantCulture);
            yield return megaBytes <= MostMegaBytes
                ? new(parser, number, Enum.Parse<Verdict>(verdict), megaBytes, detail)
                : new(parser, number, Verdict.Other, megaBytes, $"It took {megaBytes} MB of memory. {detail}");
        }
        throw new InvalidOperationException($"The process of the mutants failed: {End()}");
    }

    /// <returns>The next line of its output; null where there is none in time.</returns>
    /// <param name="reason">Why there is none; null if the process has ended.</param>
    private string? Line(out string? reason)
    {
        reason = null;
        var line = _process!.StandardOutput.ReadLineAsync();
        if (line.Wait(Poll))
            return line.Result;

        var before = _process.HasExited ? TimeSpan.Zero : _process.TotalProcessorTime;
        for (var clock = Stopwatch.StartNew(); !line.Wait(Poll);)
        {
            _process.Refresh();
            if (_process.HasExited)
                continue;
            if (_process.WorkingSet64 >> 20 > MostMegaBytes)
                reason = $"It took {_process.WorkingSet64 >> 20} MB of memory.";
            else if (_process.TotalProcessorTime - before > MostComputing || clock.Elapsed > MostTime)
                reason = $"It took {(_process.TotalProcessorTime - before).TotalSeconds:F1} seconds of computing in {clock.Elapsed.TotalSeconds:F1}.";
            if (reason is not null)
                return null;
        }
        return line.Result;
    }

    private void Send(string command)
    {
        if (_process is null)
            Start();
        _process!.StandardInput.WriteLine(command);
    }

    private void Start()
    {
        _errors.Clear();
        Directory.CreateDirectory(Work);
        var start = new ProcessStartInfo("dotnet", [typeof(Dice).Assembly.Location, seeds, Work, .. keeps ? (string[])["keep"] : []])
        {
            WorkingDirectory = Directory.CreateDirectory(Path.Combine(Work, "outside")).FullName, // Where a command that a file names would leave a trace.
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(seeds, "cache");
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => { lock (_errors) _errors.Add(line.Data ?? ""); };
        _process.BeginErrorReadLine();
        if (Line(out _) != "ready")
            throw new InvalidOperationException($"The process of the mutants does not start: {End()}");
    }

    /// <returns>What it said last.</returns>
    private string End()
    {
        if (_process is null)
            return "";
        if (!_process.WaitForExit(Poll))
            _process.Kill();
        _process.WaitForExit();
        var code = _process.ExitCode;
        _process.Dispose();
        _process = null;
        lock (_errors)
            return $"exit code {code}. {string.Join(" | ", _errors.Take(8))}";
    }
}
