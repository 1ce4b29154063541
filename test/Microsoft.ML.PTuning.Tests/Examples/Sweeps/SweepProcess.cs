using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace Microsoft.ML.PTuning.Tests.Examples.Sweeps;

/// <summary><c>PaperTasks sweep</c> in a group of processes of its own, which can be killed as a whole.</summary>
internal sealed class SweepProcess : IDisposable
{
    // With job control, a shell gives a job a group of its own.
    private const string Script = "set -m; dotnet \"$@\" & echo $!; set +m; wait $!";

    private readonly Process _process;
    private readonly int _group;
    private readonly Task<string> _output, _errors;

    /// <param name="folder">Where it runs.</param>
    public SweepProcess(string folder, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo("bash", ["-c", Script, "bash", Program, "sweep", .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _group = int.Parse(_process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    private static string Program { get; } =
        typeof(SweepProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "PaperTasks.Program").Value!;

    public bool HasExited => _process.HasExited;

    /// <summary>Runs it to its end.</summary>
    public static (int ExitCode, string Output, string Errors) Run(string folder, params string[] arguments)
    {
        using var process = new SweepProcess(folder, arguments);
        return process.Wait();
    }

    public (int ExitCode, string Output, string Errors) Wait()
    {
        _process.WaitForExit();
        return (_process.ExitCode, _output.Result, _errors.Result);
    }

    /// <summary>Whether the sweep or one of its points runs.</summary>
    public bool AnyRuns
    {
        get
        {
            using var ask = Process.Start("sh", ["-c", $"kill -s 0 -- -{_group} 2> /dev/null"]);
            ask.WaitForExit();
            return ask.ExitCode == 0;
        }
    }

    /// <summary>SIGKILL to the sweep alone.</summary>
    public void KillAlone()
    {
        using var kill = Process.Start("sh", ["-c", $"kill -s KILL {_group}"]);
        kill.WaitForExit();
        Assert.AreEqual(0, kill.ExitCode);
    }

    /// <summary>SIGKILL to the sweep and its points.</summary>
    public void KillGroup()
    {
        using (var kill = Process.Start("sh", ["-c", $"kill -s KILL -- -{_group}"]))
        {
            kill.WaitForExit();
            Assert.AreEqual(0, kill.ExitCode);
        }
        _process.WaitForExit();
        _output.Wait(); // Ends with the last process that writes to it.
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            KillGroup();
        _process.Dispose();
    }
}
