using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;

namespace PaperTasks.Sweeps;

/// <summary>Runs points as processes of this program.</summary>
/// <param name="Cores">What a process may use: .NET, the library's threads and libtorch's count so many.</param>
/// <param name="Folder">Where a process runs.</param>
/// <param name="Gpu">The CUDA device to compute on; null for the CPU.</param>
internal sealed record PointProcess(int Cores, string Folder, int? Gpu = null)
{
    private const int CancelledCode = 130, ErrorLines = 5;

    private const string Parent = "PAPERTASKS_SWEEP"; // The process of the sweep, in the environment of its points.

    // Those of the report that repeat the options or the first metric.
    private static readonly string[] Repeated = ["task", "method", "mean", "deviation", "perSeed"];

    /// <summary>Starts the program: its host where it needs one, and its own file.</summary>
    private static IReadOnlyList<string> Program { get; } = FindProgram();

    // The build writes the commit behind the version.
    private static string? Commit { get; } = typeof(PointProcess).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?
        .InformationalVersion.Split('+').ElementAtOrDefault(1);

    /// <summary>Ends this process with the sweep that started it, if one did: a sweep that is killed cannot end its points itself.</summary>
    public static void EndWithSweep()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable(Parent), out int id))
            return;

        new Thread(() =>
        {
            try
            {
                Process.GetProcessById(id).WaitForExit();
            }
            catch (ArgumentException)
            {
                // It has gone already.
            }
            Environment.Exit(CancelledCode);
        })
        { IsBackground = true, Name = "End with the sweep" }.Start();
    }

    /// <exception cref="OperationCanceledException">Cancelled; the process is gone.</exception>
    public async Task<PointResult> Run(Point point, CancellationToken cancellationToken)
    {
        string json = Path.Combine(Path.GetTempPath(), $"sweep-{Guid.NewGuid():N}.json");
        var clock = Stopwatch.StartNew();
        try
        {
            using Process process = Start(point, json);
            Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
            Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            try
            {
                await process.WaitForExitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
                throw;
            }

            await output;
            string told = await errors;
            if (process.ExitCode == CancelledCode)
                throw new OperationCanceledException();            // Ctrl+C reaches it as well.
            return With(process.ExitCode == 0 ? Measured(point, json) : PointResult.Failed(point, Reason(process.ExitCode, told)), clock.Elapsed);
        }
        finally
        {
            File.Delete(json);
        }
    }

    private Process Start(Point point, string json)
    {
        IEnumerable<string> device = Gpu is { } gpu ? [$"--gpu={gpu}"] : [];
        var start = new ProcessStartInfo(Program[0], [.. Program.Skip(1), .. point.Arguments, .. device, $"--json={json}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
        };
        start.Environment[Parent] = $"{Environment.ProcessId}";
        start.Environment["DOTNET_PROCESSOR_COUNT"] = start.Environment["OMP_NUM_THREADS"] = $"{Cores}";
        return Process.Start(start)!;
    }

    private static PointResult Measured(Point point, string json)
    {
        if (!File.Exists(json))
            return PointResult.Failed(point, "The run ended without results.");

        JsonObject report = JsonNode.Parse(File.ReadAllText(json))!.AsObject();
        var values = new JsonObject();
        foreach ((string name, JsonNode? value) in report)
        {
            if (value is not null && !Repeated.Contains(name))
                values[name == "options" ? "settings" : name] = WithoutNulls(value.DeepClone());
        }
        return new PointResult(point, values);
    }

    private static JsonNode WithoutNulls(JsonNode node)
    {
        if (node is JsonObject options)
        {
            foreach (string name in (from option in options where option.Value is null select option.Key).ToList())
                options.Remove(name);
        }
        return node;
    }

    private PointResult With(PointResult result, TimeSpan time)
    {
        result.Values["seconds"] = Math.Round(time.TotalSeconds, 3);
        result.Values["cores"] = Cores;
        result.Values["machine"] = $"{Environment.MachineName}, {Environment.ProcessorCount} cores{(Gpu is { } gpu ? $", CUDA device {gpu}" : "")}";
        if (Commit is not null)
            result.Values["commit"] = Commit;
        return result;
    }

    private static string Reason(int code, string errors)
    {
        string[] lines = errors.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return lines.Length == 0 ? $"The run ended with exit code {code} and said nothing." : string.Join(' ', lines.TakeLast(ErrorLines));
    }

    private static IReadOnlyList<string> FindProgram()
    {
        string assembly = typeof(PointProcess).Assembly.Location, host = Environment.ProcessPath!;
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            return [host, assembly];
        return Assembly.GetEntryAssembly() == typeof(PointProcess).Assembly ? [host] : ["dotnet", assembly];
    }
}
