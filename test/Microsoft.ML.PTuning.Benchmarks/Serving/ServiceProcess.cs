using System.Diagnostics;
using System.Net.Http.Json;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>A service in a process of its own.</summary>
internal sealed class ServiceProcess : IDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client;

    /// <param name="service">Which: <see cref="Service.Package"/> or <see cref="Service.EnginePool"/>.</param>
    public ServiceProcess(string service, ModelFolder folder)
    {
        var start = ChildMeasurement.Command(nameof(Service), service, folder.Path);
        start.RedirectStandardInput = true;
        start.Environment["DOTNET_gcServer"] = "1"; // As projects of Microsoft.NET.Sdk.Web have it.
        _process = Process.Start(start)!;
        Address = new Uri(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The process of the service ended before it served."));
        _client = new HttpClient { BaseAddress = Address };
    }

    public Uri Address { get; }

    public ServiceFigures Figures() => _client.GetFromJsonAsync<ServiceFigures>(Service.FiguresPath).GetAwaiter().GetResult()!;

    public void Dispose()
    {
        _client.Dispose();
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(20)))
            _process.Kill();
        _process.Dispose();
    }
}
