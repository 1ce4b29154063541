using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Faults;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>Models are loaded when asked for, unloaded, replaced, refused and removed while the service answers.</summary>
[TestClass]
public sealed class ModelFolderTests
{
    private const string Late = "my parcel is late";

    private static readonly ServedModels s_models = ServedModels.Shared;

    [TestMethod]
    public async Task Thousands_of_files_are_listed_without_loading_any()
    {
        using var folder = new TemporaryDirectory();
        foreach (var i in Enumerable.Range(0, 5000))
            File.Create(folder.File($"model {i}.zip")).Dispose();
        File.Copy(s_models.Topics(), folder.File("topics.zip"));
        await using var application = await ServingApplication.StartAsync(options => options.ModelsDirectory = folder.Path);

        Assert.HasCount(5001, application.Models);
        Assert.IsTrue(application.Models.All(model => model.State == PTuningModelState.Listed));
        await application.PredictAsync("topics", Late);
        Assert.HasCount(1, application.Models.Where(model => model.State == PTuningModelState.Loaded));
    }

    [TestMethod]
    public async Task Model_that_many_ask_for_is_loaded_once()
    {
        await using var application = await ServingApplication.StartAsync(null, ("topics", s_models.Topics()));
        using var metrics = new CollectedMetrics(application);

        await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => application.PredictAsync("topics", Late)));

        Assert.AreEqual(1, metrics.Count("ptuning.models.load.duration"));
    }

    [TestMethod]
    public async Task Least_recently_used_models_leave_the_budget()
    {
        var bytes = await TensorBytesAsync();
        await using var application = await ServingApplication.StartAsync(
            options => options.TensorBudgetBytes = 2 * bytes + bytes / 2, [.. "abcde".Select(name => ($"{name}", s_models.Topics()))]);

        foreach (var name in (string[])["a", "b", "a", "c"])
            await application.PredictAsync(name, Late);
        CollectionAssert.AreEqual(new[] { "a", "c" }, Loaded(application));

        foreach (var name in (string[])["d", "e", "b"])
            await application.PredictAsync(name, Late);
        CollectionAssert.AreEqual(new[] { "b", "e" }, Loaded(application));
    }

    [TestMethod]
    public async Task Budget_holds_while_all_models_are_asked_for_at_once()
    {
        var bytes = await TensorBytesAsync();
        string[] names = [.. Enumerable.Range(0, 12).Select(i => $"model {i}")];
        await using var application = await ServingApplication.StartAsync(
            options => options.TensorBudgetBytes = 3 * bytes, [.. names.Select(name => (name, s_models.Topics()))]);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 12; i++)
                await application.PredictAsync(names[(caller + 5 * i) % names.Length], Late);
        })));

        Assert.IsLessThanOrEqualTo(3, Loaded(application).Length);
        Assert.IsLessThanOrEqualTo(3 * bytes, application.Models.Sum(model => model.TensorBytes ?? 0));
    }

    [TestMethod]
    public async Task Model_larger_than_the_budget_is_refused()
    {
        await using var application = await ServingApplication.StartAsync(options => options.TensorBudgetBytes = 10, ("topics", s_models.Topics()));

        using var response = await application.Client.PostAsJsonAsync("/predict/topics", new { Text = Late });

        await Refusal.OfAsync(response, HttpStatusCode.ServiceUnavailable, "broken-model");
        Assert.Contains("TensorBudgetBytes", application.Model("topics").Problem!);
    }

    [TestMethod]
    public async Task Replacements_under_load_lose_no_request()
    {
        float[] versions = [Score(s_models.Topics(1)), Score(s_models.Topics(2))];
        Assert.AreNotEqual(versions[0], versions[1], 1e-3f);
        await using var application = await ServingApplication.StartAsync(null, ("topics", s_models.Topics(1)));
        var answers = new ConcurrentBag<float>();
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                answers.Add(await ScoreAsync(application, "topics"));
        })).ToArray();

        for (var replacement = 1; replacement <= 10; replacement++)
        {
            application.Put("topics", s_models.Topics(1 + replacement % 2));
            var expected = versions[replacement % 2];
            var now = float.NaN;
            await ServingApplication.UntilAsync(() => Math.Abs((now = ScoreAsync(application, "topics").Result) - expected) < 1e-4f, "the new version answers");
        }
        await stop.CancelAsync();
        await Task.WhenAll(callers); // Each answer was a success.

        Assert.IsGreaterThan(100, answers.Count);
        foreach (var answer in answers)
            Assert.IsTrue(versions.Any(version => Math.Abs(version - answer) < 1e-4f), $"{answer} is neither version's.");
    }

    [TestMethod]
    public async Task Replacement_with_other_columns_loses_no_request()
    {
        await using var application = await ServingApplication.StartAsync(null, ("changing", s_models.Topics()));
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                // It is right for one of the versions, and refused by the other.
                using var response = await application.Client.PostAsJsonAsync("/predict/changing", new { Text = Late });
                Assert.IsTrue(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest, await response.Content.ReadAsStringAsync());
            }
        })).ToArray();

        for (var i = 1; i <= 6; i++)
        {
            application.Put("changing", i % 2 == 0 ? s_models.Topics() : s_models.Answers());
            var column = i % 2 == 0 ? "Text" : "Question";
            await ServingApplication.UntilAsync(
                () => application.Predictor.DescribeAsync("changing").Result.Inputs.ContainsKey(column), "the new version is there");
        }
        await stop.CancelAsync();
        await Task.WhenAll(callers);
    }

    [TestMethod]
    public async Task Broken_replacement_is_refused_while_the_old_version_serves()
    {
        var bytes = await TensorBytesAsync();
        await using var application = await ServingApplication.StartAsync(
            options => options.TensorBudgetBytes = 2 * bytes, ("topics", s_models.Topics()), ("b", s_models.Topics()), ("c", s_models.Topics()));
        var before = await ScoreAsync(application, "topics");

        await File.WriteAllBytesAsync(application.PathOf("topics"), (await File.ReadAllBytesAsync(s_models.Topics(2)))[..^100]);
        await ServingApplication.UntilAsync(() => application.Model("topics").Problem is not null, "the broken file is noticed");

        Assert.AreEqual(PTuningModelState.Loaded, application.Model("topics").State);
        Assert.IsTrue(application.Log.Has("Error: The new file of the model 'topics' cannot be loaded; the version before goes on serving."));
        foreach (var other in (string[])["b", "c", "b"]) // It is not unloaded for others, for it could not be loaded again.
            await application.PredictAsync(other, Late);
        Assert.AreEqual(before, await ScoreAsync(application, "topics"), 1e-5f);

        application.Put("topics", s_models.Topics(2));
        await ServingApplication.UntilAsync(() => application.Model("topics").Problem is null, "the repaired file is loaded");
        Assert.AreEqual(Score(s_models.Topics(2)), await ScoreAsync(application, "topics"), 1e-4f);
    }

    [TestMethod]
    public async Task Broken_file_is_loaded_when_it_has_been_repaired()
    {
        await using var application = await ServingApplication.StartAsync();
        await File.WriteAllTextAsync(application.PathOf("topics"), "no zip");
        await ServingApplication.UntilAsync(() => application.Models.Count == 1, "the file is listed");
        using (var response = await application.Client.PostAsJsonAsync("/predict/topics", new { Text = Late }))
            await Refusal.OfAsync(response, HttpStatusCode.ServiceUnavailable, "broken-model");

        application.Put("topics", s_models.Topics());
        await ServingApplication.UntilAsync(() => application.Model("topics").Problem is null, "the repaired file is noticed");

        await application.PredictAsync("topics", Late);
    }

    [TestMethod]
    public async Task Empty_file_and_fifo_are_refused()
    {
        await using var application = await ServingApplication.StartAsync();
        await File.WriteAllTextAsync(application.PathOf("empty"), "");
        if (OperatingSystem.IsLinux())
            HostileTest.Shell("mkfifo", application.PathOf("fifo"));
        await ServingApplication.UntilAsync(() => application.Models.Count == (OperatingSystem.IsLinux() ? 2 : 1), "the files are listed");

        foreach (var model in application.Models)
        {
            using var response = await application.Client.PostAsJsonAsync($"/predict/{model.Name}", new { Text = Late });
            await Refusal.OfAsync(response, HttpStatusCode.ServiceUnavailable, "broken-model");
        }
    }

    [TestMethod]
    public async Task Deleted_file_is_no_longer_served_and_may_come_back()
    {
        await using var application = await ServingApplication.StartAsync(null, ("topics", s_models.Topics()));
        await application.PredictAsync("topics", Late);

        File.Delete(application.PathOf("topics"));
        await ServingApplication.UntilAsync(() => application.Models.Count == 0, "the deletion is noticed");
        using (var response = await application.Client.PostAsJsonAsync("/predict/topics", new { Text = Late }))
            await Refusal.OfAsync(response, HttpStatusCode.NotFound, "unknown-model");

        application.Put("topics", s_models.Topics());
        await ServingApplication.UntilAsync(() => application.Models.Count == 1, "the file is noticed");
        await application.PredictAsync("topics", Late);
    }

    [TestMethod]
    public async Task Link_is_followed_when_it_leads_elsewhere()
    {
        await using var application = await ServingApplication.StartAsync();
        using var versions = new TemporaryDirectory();
        File.CreateSymbolicLink(versions.File("current"), s_models.Topics(1));
        File.CreateSymbolicLink(application.PathOf("topics"), versions.File("current"));
        await ServingApplication.UntilAsync(() => application.Models.Count == 1, "the link is listed");
        await application.PredictAsync("topics", Late);

        File.CreateSymbolicLink(versions.File("next"), s_models.Topics(2));
        File.Move(versions.File("next"), versions.File("current"), overwrite: true);

        var expected = Score(s_models.Topics(2));
        await ServingApplication.UntilAsync(() => Math.Abs(ScoreAsync(application, "topics").Result - expected) < 1e-4f, "the new version answers");
    }

    [TestMethod]
    public async Task File_that_is_still_written_is_not_loaded()
    {
        await using var application = await ServingApplication.StartAsync(
            options => options.SettleTime = TimeSpan.FromMilliseconds(600), ("topics", s_models.Topics()));
        await application.PredictAsync("topics", Late);
        var whole = await File.ReadAllBytesAsync(s_models.Topics(2));

        await using (var file = new FileStream(application.PathOf("topics"), FileMode.Create))
            foreach (var part in whole.Chunk(whole.Length / 4 + 1))
            {
                await file.WriteAsync(part);
                await file.FlushAsync();
                await Task.Delay(250);
            }
        var expected = Score(s_models.Topics(2));
        await ServingApplication.UntilAsync(() => Math.Abs(ScoreAsync(application, "topics").Result - expected) < 1e-4f, "the whole file is loaded");

        Assert.IsFalse(application.Log.Has("Error:"));
    }

    private static string[] Loaded(ServingApplication application) =>
        [.. application.Models.Where(model => model.State == PTuningModelState.Loaded).Select(model => model.Name)];

    private static async Task<long> TensorBytesAsync()
    {
        await using var application = await ServingApplication.StartAsync(null, ("topics", s_models.Topics()));
        return (await application.Predictor.DescribeAsync("topics")).TensorBytes;
    }

    private static float Score(string file) => s_models.Predict<Ticket, NamedTopic>(file, new Ticket { Text = Late }).Score[0];

    // The class of the first score in the pipeline's order: the first topic that the training rows have.
    private static async Task<float> ScoreAsync(ServingApplication application, string model) =>
        (float)(await application.PredictAsync(model, Late))["Score"]!.AsObject().First().Value!;
}
