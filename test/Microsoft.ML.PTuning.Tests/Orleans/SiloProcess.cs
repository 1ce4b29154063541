using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Microsoft.ML.PTuning.Orleans;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>A silo as a process of its own (Microsoft.ML.PTuning.Tests.Silo), which starts a job unless another one has.</summary>
internal sealed class SiloProcess : IDisposable
{
    private static readonly string s_program =
        typeof(SiloProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "Silo.Program").Value!;

    private readonly Process _process;

    /// <param name="folder">For its settings and its log.</param>
    /// <param name="postgres">The membership store; null for one in the memory of the primary silo.</param>
    /// <param name="primaryPort">The port of the primary silo; null for a free one.</param>
    /// <param name="scoringCores">The cores that it scores on; null for all.</param>
    public SiloProcess(string folder, string? postgres, int? primaryPort, PTuningSiloOptions options, ScoringJob job, int? scoringCores = null)
    {
        Port = PostgresServer.FreePort();
        var settings = Path.Combine(folder, $"silo-{Guid.NewGuid():N}.json");
        File.WriteAllText(settings, JsonSerializer.Serialize(new
        {
            SiloPort = Port,
            GatewayPort = PostgresServer.FreePort(),
            PrimaryPort = primaryPort ?? Port,
            Postgres = postgres,
            options.ModelsDirectory,
            options.JobsDirectory,
            Job = job,
        }));
        _process = new Process { StartInfo = new("dotnet", [s_program, settings]) { RedirectStandardOutput = true, RedirectStandardError = true } };
        if (scoringCores is { } cores)
            _process.StartInfo.Environment["PTuning__ScoringCores"] = $"{cores}"; // Options are bound to the configuration.
        var log = TextWriter.Synchronized(new StreamWriter($"{settings}.log") { AutoFlush = true });
        _process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        _process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Port { get; }

    public bool HasExited => _process.HasExited;

    /// <summary>Ends it at once, as a power failure does.</summary>
    public void Kill()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }
}
