using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Microsoft.ML.PTuning.Tests.Examples.ServingPage;

/// <summary>examples/Serving as a process of its own, on a free port of the loopback address.</summary>
internal sealed partial class ServingProcess : IDisposable
{
    private static readonly string s_program =
        typeof(ServingProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "Serving.Program").Value!;

    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServingProcess(string models, string[] args)
    {
        _process = new Process
        {
            StartInfo = new("dotnet", [s_program, "--urls", "http://127.0.0.1:0", $"--PTuning:ModelsDirectory={models}", .. args])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
            EnableRaisingEvents = true,
        };
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.Exited += (_, _) => _address.TrySetException(new InvalidOperationException($"The service ended. {Output}"));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public HttpClient Client { get; } = new();

    public string Address => Client.BaseAddress!.ToString();

    public string Output
    {
        get
        {
            lock (_output)
                return string.Join('\n', _output);
        }
    }

    /// <param name="models">The folder of the models. Those that are missing are trained, which takes minutes.</param>
    /// <param name="args">Further arguments of the program, such as <c>--PTuning:MaxRowCharacters=100</c>.</param>
    public static async Task<ServingProcess> StartAsync(string models, TimeSpan patience, params string[] args)
    {
        var service = new ServingProcess(models, args);
        try
        {
            service.Client.BaseAddress = await service._address.Task.WaitAsync(patience);
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        Client.Dispose();
    }

    private void Read(string? line)
    {
        if (line is null)
            return;
        lock (_output)
            _output.Add(line);
        if (Listening().Match(line) is { Success: true } match)
            _address.TrySetResult(new Uri(match.Groups[1].Value));
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
