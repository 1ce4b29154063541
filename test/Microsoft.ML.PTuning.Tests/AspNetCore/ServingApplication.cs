using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>The service over a folder of its own, on free ports of the loopback address: one for HTTP/1.1, one for HTTP/2.</summary>
internal sealed class ServingApplication : IAsyncDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly TemporaryDirectory _upload = new();

    private ServingApplication(Action<PTuningOptions> configure)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(Log);
        builder.WebHost.ConfigureKestrel(server =>
        {
            server.Listen(IPAddress.Loopback, 0);
            server.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddPTuning(options =>
        {
            options.ModelsDirectory = _folder.Path;
            options.PollInterval = TimeSpan.FromMilliseconds(200);
            options.SettleTime = TimeSpan.Zero;
            configure(options);
        });
        Application = builder.Build();
        Application.UseRateLimiter();
        Application.MapPTuning();
        Application.MapPTuningHealthChecks();
        Application.MapOpenApi();
    }

    public WebApplication Application { get; }

    public LogLines Log { get; } = new();

    public string Folder => _folder.Path;

    public IPTuningPredictor Predictor => Application.Services.GetRequiredService<IPTuningPredictor>();

    public IReadOnlyList<PTuningModel> Models => Predictor.ListModelsAsync().GetAwaiter().GetResult(); // Those of a folder are there at once.

    public HttpClient Client { get; } = new();

    /// <summary>Of HTTP/2, whose requests may be sent while their answers are read.</summary>
    public HttpClient Duplex { get; } = new();

    /// <param name="files">The models' names and files.</param>
    public static async Task<ServingApplication> StartAsync(Action<PTuningOptions>? configure = null, params (string Name, string File)[] files)
    {
        var application = new ServingApplication(configure ?? (_ => { }));
        foreach (var (name, file) in files)
            application.Put(name, file);
        await application.Application.StartAsync();
        string[] addresses = [.. application.Application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
        application.Client.BaseAddress = new Uri(addresses[0]);
        application.Duplex.BaseAddress = new Uri(addresses[1]);
        return application;
    }

    /// <summary>Puts a file into the folder in one step, as an upload should.</summary>
    public void Put(string name, string file)
    {
        var copy = _upload.File($"{Guid.NewGuid()}.zip");
        File.Copy(file, copy);
        File.SetLastWriteTimeUtc(copy, DateTime.UtcNow);
        File.Move(copy, PathOf(name), overwrite: true);
    }

    public string PathOf(string name) => _folder.File($"{name}.zip");

    public PTuningModel Model(string name) => Models.Single(model => model.Name == name);

    /// <summary>Predicts a text, and expects an answer.</summary>
    public async Task<JsonObject> PredictAsync(string model, string text)
    {
        using var response = await Client.PostAsJsonAsync($"/predict/{model}", new { Text = text });
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!;
    }

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.IsLessThan(20, Stopwatch.GetElapsedTime(start).TotalSeconds, $"It does not happen: {what}.");
            await Task.Delay(10);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Duplex.Dispose();
        await Application.DisposeAsync();
        _folder.Dispose();
        _upload.Dispose();
    }
}

/// <summary>The lines of a log.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly List<string> _lines = [];

    public bool Has(string words)
    {
        lock (_lines)
            return _lines.Any(line => line.Contains(words, StringComparison.Ordinal));
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{logLevel}: {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}

/// <summary>A refusal.</summary>
internal static class Refusal
{
    /// <summary>Expects problem details with a status, of a type.</summary>
    public static async Task<JsonObject> OfAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(status, response.StatusCode, text);
        Assert.AreEqual("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(text)!.AsObject();
        Assert.AreEqual($"urn:ptuning:problem:{code}", (string?)problem["type"]);
        Assert.AreEqual((int)status, (int?)problem["status"]);
        Assert.IsFalse(string.IsNullOrEmpty((string?)problem["title"]));
        Assert.IsFalse(string.IsNullOrEmpty((string?)problem["detail"]));
        return problem;
    }
}
