using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.Serving.Models;
using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>Keys, limits, health, options, and the end of the service.</summary>
[TestClass]
[DoNotParallelize] // One holds all cores.
public sealed class ServiceProtectionTests
{
    private const string Key = "0123456789abcdef-shop";

    private static readonly ServedModels s_models = ServedModels.Shared;

    [TestMethod]
    public async Task Requests_need_a_key_where_there_are_keys()
    {
        await using var application = await StartAsync(options => options.ApiKeys["shop"] = Key);

        foreach (var sent in (string?[])[null, "0123456789abcdef-shoq", "", Key + "x"])
            foreach (var path in (string[])["/models", "/models/topics"])
            {
                using var response = await GetAsync(application, path, sent);
                await Refusal.OfAsync(response, HttpStatusCode.Unauthorized, "unauthorized");
                Assert.IsTrue(response.Headers.Contains("WWW-Authenticate"));
            }
        using (var response = await application.Client.PostAsJsonAsync("/predict/topics", new { Text = "late" }))
            await Refusal.OfAsync(response, HttpStatusCode.Unauthorized, "unauthorized");
        using (var response = await GetAsync(application, "/models", Key))
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
        using (var response = await GetAsync(application, "/health/ready", null))
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("\"X-Api-Key\"", await application.Client.GetStringAsync("/openapi/ptuning.json"));
    }

    [TestMethod]
    public async Task Callers_that_ask_too_often_are_told_when_to_come_back()
    {
        await using var application = await StartAsync(options =>
        {
            options.ApiKeys["shop"] = Key;
            options.ApiKeys["till"] = Key + "2";
            options.RateLimit = new PTuningRateLimit { Requests = 3, Period = TimeSpan.FromHours(1) };
        });

        for (var i = 0; i < 3; i++)
            using (var response = await GetAsync(application, "/models", Key))
                Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
        using (var response = await GetAsync(application, "/models", Key))
        {
            await Refusal.OfAsync(response, HttpStatusCode.TooManyRequests, "too-many-requests");
            Assert.IsGreaterThan(TimeSpan.Zero, response.Headers.RetryAfter!.Delta!.Value);
        }
        using (var response = await GetAsync(application, "/models", Key + "2"))
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, "Another caller has a bucket of its own.");
        using (var response = await GetAsync(application, "/health/live", null))
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
    }

    [TestMethod]
    public async Task Full_queue_refuses_and_what_was_taken_is_answered()
    {
        await using var application = await StartAsync(options => (options.QueueCapacity, options.ScoringCores) = (1, 1));
        await application.PredictAsync("topics", "late");

        var refused = 0;
        for (var burst = 0; burst < 20 && refused == 0; burst++)
        {
            var responses = await Task.WhenAll(
                Enumerable.Range(0, 100).Select(_ => application.Client.PostAsJsonAsync("/predict/topics", new { Text = "late" })));
            foreach (var response in responses)
            {
                using (response)
                {
                    if (response.StatusCode == HttpStatusCode.OK)
                        continue;
                    await Refusal.OfAsync(response, HttpStatusCode.ServiceUnavailable, "full");
                    Assert.AreEqual(TimeSpan.FromSeconds(1), response.Headers.RetryAfter!.Delta);
                    refused++;
                }
            }
        }
        Assert.IsGreaterThan(0, refused);
    }

    [TestMethod]
    public async Task Calls_that_would_wait_too_long_are_refused_before_their_rows_are_read()
    {
        await using var application = await StartAsync(options => options.MaxQueueWait = TimeSpan.Zero);
        await application.PredictAsync("topics", "late");
        var store = application.Application.Services.GetRequiredService<ModelStore>();
        var rows = 2 * (WorkerThreads.Shared.Count + 1) * BatchPlanner.CoreBudget / 3; // Each has three tokens or more.

        using var go = new ManualResetEventSlim();
        for (var core = 0; core < WorkerThreads.Shared.Count; core++)
            WorkerThreads.Shared.Post(() => go.Wait());
        var waiting = new List<Task<HttpResponseMessage>>();
        while (store.ExpectedWait("topics") == TimeSpan.Zero)
        {
            Assert.IsLessThan(rows, waiting.Count, "The wait is never expected.");
            waiting.Add(application.Client.PostAsJsonAsync("/predict/topics", new { Text = "late" }));
            await Task.Delay(1);
        }
        using (var refused = await application.Client.PostAsJsonAsync("/predict/topics", new { Txet = "late" }))
            await Refusal.OfAsync(refused, HttpStatusCode.ServiceUnavailable, "full");
        await Assert.ThrowsExactlyAsync<PredictionQueueFullException>(
            () => application.Predictor.PredictAsync<Ticket, NamedTopic>("topics", new Ticket { Text = "late" }));

        go.Set();
        foreach (var response in await Task.WhenAll(waiting))
            using (response)
                Assert.IsTrue(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable);
        await ServingApplication.UntilAsync(() => store.ExpectedWait("topics") == TimeSpan.Zero, "nobody waits");
        await application.PredictAsync("topics", "late");
    }

    [TestMethod]
    public async Task Stream_loses_no_row_however_little_may_wait()
    {
        await using var application = await StartAsync(options => (options.MaxQueueWait, options.StreamWindow) = (TimeSpan.Zero, 1000));
        await application.PredictAsync("topics", "late");
        await using var stream = await DuplexStream.OpenAsync(application, "topics");
        const int Rows = 500;

        for (var row = 0; row < Rows; row++)
            await stream.SendAsync(new { Text = "late" });

        for (var row = 0; row < Rows; row++)
            Assert.IsNotNull((await stream.ReadAsync())!["prediction"]);
    }

    [TestMethod]
    public async Task Shutdown_refuses_new_requests_and_finishes_those_that_run()
    {
        await using var application = await StartAsync();
        await application.PredictAsync("topics", "late");
        await using var stream = await DuplexStream.OpenAsync(application, "topics");

        var stopping = application.Application.StopAsync();
        using (var response = await WaitForRefusalAsync(application))
        {
            await Refusal.OfAsync(response, HttpStatusCode.ServiceUnavailable, "shutting-down");
            Assert.IsNotNull(response.Headers.RetryAfter);
        }
        using (var ready = await application.Client.GetAsync("/health/ready"))
            Assert.AreEqual(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        using (var live = await application.Client.GetAsync("/health/live"))
            Assert.AreEqual(HttpStatusCode.OK, live.StatusCode);
        await stream.SendAsync(new { Text = "late" });
        Assert.IsNotNull((await stream.ReadAsync())!["prediction"]);
        Assert.IsFalse(stopping.IsCompleted);

        stream.Complete();
        Assert.IsNull(await stream.ReadAsync());
        await stopping;
    }

    [TestMethod]
    public async Task Requests_that_do_not_end_are_ended_after_the_stated_time()
    {
        await using var application = await StartAsync(options => options.DrainTimeout = TimeSpan.FromMilliseconds(300));
        await using var stream = await DuplexStream.OpenAsync(application, "topics");

        var stopping = application.Application.StopAsync();

        Assert.AreEqual("urn:ptuning:problem:shutting-down", (string?)(await stream.ReadAsync())!["problem"]!["type"]);
        Assert.IsNull(await stream.ReadAsync());
        stream.Complete(); // Kestrel waits some seconds for the client's end of the stream.
        await stopping.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [TestMethod]
    public async Task Application_is_not_ready_without_its_folder()
    {
        await using var application = await StartAsync();
        await application.PredictAsync("topics", "late");
        Assert.AreEqual(HttpStatusCode.OK, Ready());

        Directory.Move(application.Folder, application.Folder + " moved");
        await ServingApplication.UntilAsync(() => Ready() == HttpStatusCode.ServiceUnavailable, "it is not ready");
        await application.PredictAsync("topics", "late"); // What is loaded goes on.

        Directory.Move(application.Folder + " moved", application.Folder);
        await ServingApplication.UntilAsync(() => Ready() == HttpStatusCode.OK, "it is ready again");

        HttpStatusCode Ready()
        {
            using var ready = application.Client.GetAsync("/health/ready").Result;
            return ready.StatusCode;
        }
    }

    [TestMethod]
    public async Task Wrong_options_are_named_all_at_once_when_the_application_starts()
    {
        var refusal = await Assert.ThrowsExactlyAsync<OptionsValidationException>(() => ServingApplication.StartAsync(options =>
        {
            options.ModelsDirectory = "/no such folder";
            options.TensorBudgetBytes = 0;
            options.QueueCapacity = -1;
            options.MaxQueueWait = TimeSpan.FromDays(1);
            options.ApiKeys["shop"] = "short";
            options.RateLimit = new PTuningRateLimit { Requests = 0 };
        }));

        foreach (var words in (string[])["/no such folder", "TensorBudgetBytes", "QueueCapacity", "MaxQueueWait", "the key of 'shop'", "RateLimit.Requests"])
            Assert.Contains(words, refusal.Message);
        Assert.DoesNotContain("short", refusal.Message);
    }

    [TestMethod]
    public void Configuration_is_bound_before_code()
    {
        var builder = WebApplication.CreateBuilder(
        [
            "--PTuning:ModelsDirectory=/tmp", "--PTuning:MaxBatchDelay=00:00:00.005", "--PTuning:ApiKeys:shop=" + Key, "--PTuning:RateLimit:Requests=7",
            "--PTuning:QueueCapacity=5",
        ]);
        builder.Services.AddPTuning(options => options.QueueCapacity = 6);
        builder.Services.AddPTuning(options => options.StreamWindow = 9); // A second call changes options only.
        using var application = builder.Build() as IDisposable;

        var options = ((IHost)application!).Services.GetRequiredService<IOptions<PTuningOptions>>().Value;

        Assert.AreEqual(("/tmp", 5.0, Key, 7, 6, 9), (
            options.ModelsDirectory, options.MaxBatchDelay.TotalMilliseconds, options.ApiKeys["shop"], options.RateLimit!.Requests, options.QueueCapacity,
            options.StreamWindow));
    }

    [TestMethod]
    public void A_host_has_one_folder_of_models()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Services.AddPTuningModels();

        Assert.Contains("AddPTuningEndpoints", Assert.ThrowsExactly<InvalidOperationException>(() => builder.Services.AddPTuning()).Message);
    }

    [TestMethod]
    public async Task Missing_calls_of_the_application_are_named()
    {
        Assert.Contains("AddPTuning", Assert.ThrowsExactly<InvalidOperationException>(() => WebApplication.CreateBuilder().Build().MapPTuning()).Message);

        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        builder.Services.AddPTuning(options => (options.ModelsDirectory, options.RateLimit) = (Path.GetTempPath(), new PTuningRateLimit()));
        await using var application = builder.Build();
        application.MapPTuning();
        await application.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(application.Urls.First()) };
        using var response = await client.GetAsync("/models");
        Assert.AreEqual(HttpStatusCode.InternalServerError, response.StatusCode);
    }

    private static Task<ServingApplication> StartAsync(Action<PTuningOptions>? configure = null) =>
        ServingApplication.StartAsync(configure, ("topics", s_models.Topics()));

    private static async Task<HttpResponseMessage> GetAsync(ServingApplication application, string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null)
            request.Headers.Add("X-Api-Key", key);
        return await application.Client.SendAsync(request);
    }

    private static async Task<HttpResponseMessage> WaitForRefusalAsync(ServingApplication application)
    {
        while (true)
        {
            var response = await application.Client.PostAsJsonAsync("/predict/topics", new { Text = "late" });
            if (!response.IsSuccessStatusCode)
                return response;
            response.Dispose();
        }
    }
}
