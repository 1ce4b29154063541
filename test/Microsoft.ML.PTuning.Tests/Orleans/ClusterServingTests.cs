using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Orleans.Serving;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Tests.AspNetCore;
using Microsoft.ML.PTuning.Tests.Backbones;
using Orleans.Configuration;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Models that silos serve: they answer as those of one process do, wherever they are.</summary>
[TestClass]
public sealed class ClusterServingTests
{
    private static readonly ServedModels s_models = ServedModels.Shared;
    private static readonly TemporaryDirectory s_folder = new();

    private static TestSilos s_silos = null!;
    private static IHost s_process = null!;

    private static IPTuningPredictor OneProcess => s_process.Services.GetRequiredService<IPTuningPredictor>();

    [ClassInitialize]
    public static async Task Start(TestContext _)
    {
        foreach (var (name, file) in new[]
        {
            ("topics", s_models.Topics()), ("other topics", s_models.Topics(seed: 2)), ("hours", s_models.Hours()), ("things", s_models.Things()),
            ("answers", s_models.Answers()), ("writes", s_models.Writes()),
        })
            File.Copy(file, s_folder.File($"{name}.zip"));
        File.WriteAllText(s_folder.File("broken.zip"), "no zip");
        s_silos = await TestSilos.StartAsync(2, Configure);

        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddPTuningModels(Configure);
        s_process = builder.Build();
        await s_process.StartAsync();
    }

    [ClassCleanup]
    public static async Task Free()
    {
        await s_process.StopAsync();
        s_process.Dispose();
        await s_silos.DisposeAsync();
        s_folder.Dispose();
    }

    [TestMethod]
    [DataRow("topics", """{"Text": "my parcel is late"}""")]
    [DataRow("hours", """{"Text": "the card was late"}""")]
    [DataRow("things", """{"Text": "my parcel is late"}""")]
    [DataRow("answers", """{"Question": "is late", "Context": "my parcel was late"}""")]
    [DataRow("writes", """{"Input": "late"}""")]
    public async Task Json_is_that_of_one_process(string model, string row)
    {
        var input = (await OneProcess.DescribeAsync(model)).Inputs;
        if (model == "writes")
            row = new JsonObject(input.Select(column => KeyValuePair.Create(column.Key, (JsonNode?)"late"))).ToJsonString();
        using var document = JsonDocument.Parse(row);

        var expected = (await OneProcess.PredictJsonAsync([model], document.RootElement))[model];
        var found = (await s_silos.Predictor.PredictJsonAsync([model], document.RootElement))[model];

        Assert.IsTrue(JsonNode.DeepEquals(expected, found), $"Expected {expected.ToJsonString()}, found {found.ToJsonString()}.");
    }

    [TestMethod]
    public async Task Typed_predictions_are_those_of_one_process()
    {
        var ticket = new Ticket { Text = "my parcel is late" };
        await AssertSameAsync<Ticket, NamedTopic>("topics", ticket, prediction => (prediction.PredictedLabel, string.Join(' ', prediction.Score)));
        await AssertSameAsync<Ticket, Hours>("hours", ticket, prediction => prediction.Predicted);
        await AssertSameAsync<ServedModels.Sentence, Things>(
            "things", new() { Text = "my parcel is late" }, prediction => string.Join('|', prediction.Found.DenseValues()));
        await AssertSameAsync<ServedModels.Asked, Found>(
            "answers",
            new() { Question = "is late", Context = "my parcel was late" },
            prediction => (string.Join('|', prediction.Answer), string.Join('|', prediction.Score)));

        static async Task AssertSameAsync<TRow, TPrediction>(string model, TRow row, Func<TPrediction, object> read)
            where TRow : class
            where TPrediction : class, new() =>
            Assert.AreEqual(
                read(await OneProcess.PredictAsync<TRow, TPrediction>(model, row)), read(await s_silos.Predictor.PredictAsync<TRow, TPrediction>(model, row)));
    }

    [TestMethod]
    public async Task Columns_of_the_row_are_in_its_prediction()
    {
        var ticket = new Ticket { Text = "late" };

        var expected = await OneProcess.PredictAsync<Ticket, RoutedTicket>("topics", ticket);
        var found = await s_silos.Predictor.PredictAsync<Ticket, RoutedTicket>("topics", ticket);

        Assert.AreEqual(("late", expected.PredictedLabel), (found.Text, found.PredictedLabel));
    }

    [TestMethod]
    public async Task Several_models_answer_about_one_row()
    {
        var found = await s_silos.Predictor.PredictAllAsync<Ticket, NamedTopic>(["topics", "other topics"], new() { Text = "late" });

        var expected = await OneProcess.PredictAllAsync<Ticket, NamedTopic>(["topics", "other topics"], new() { Text = "late" });
        foreach (var model in (string[])["topics", "other topics"])
            CollectionAssert.AreEqual(expected[model].Score, found[model].Score);
        await Assert.ThrowsExactlyAsync<ArgumentException>(() => s_silos.Predictor.PredictAllAsync<Ticket, NamedTopic>(["topics", "topics"], new()));
    }

    [TestMethod]
    public async Task A_description_is_that_of_one_process()
    {
        Assert.AreEqual(
            JsonSerializer.Serialize(await OneProcess.DescribeAsync("topics")), JsonSerializer.Serialize(await s_silos.Predictor.DescribeAsync("topics")));
    }

    [TestMethod]
    public async Task Refusals_of_silos_are_those_of_one_process()
    {
        var predictor = s_silos.Predictor;
        Assert.AreEqual("nobody", (await Assert.ThrowsExactlyAsync<PTuningModelNotFoundException>(() => predictor.DescribeAsync("nobody"))).Model);
        Assert.AreEqual("broken", (await Assert.ThrowsExactlyAsync<PTuningModelUnavailableException>(() => predictor.DescribeAsync("broken"))).Model);
        Assert.AreEqual("Txt", (await RefusedAsync("""{"Txt": "late"}""")).Field);
        var tooLong = await RefusedAsync($$"""{"Text": "{{new string('a', 101)}}"}""");
        Assert.IsTrue(tooLong.IsTooLong);
        StringAssert.Contains(tooLong.Message, "101 characters");
        Assert.AreEqual(" ", (await Assert.ThrowsExactlyAsync<PTuningModelNotFoundException>(() => predictor.DescribeAsync(" "))).Model);
        foreach (var either in (IPTuningPredictor[])[OneProcess, predictor])
            await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(() => either.PredictAsync<NamedTopic, NamedTopic>("topics", new()));
        var longTicket = new Ticket { Text = new string('a', 101) }; // Only rows of JSON have a limit.
        Assert.IsNotEmpty((await predictor.PredictAsync<Ticket, NamedTopic>("topics", longTicket)).PredictedLabel);
        Assert.AreEqual(PTuningModelState.Broken, (await predictor.ListModelsAsync()).Single(model => model.Name == "broken").State);
        var wrongType = await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(() => predictor.PredictAsync<Ticket, WrongTopic>("topics", new()));
        StringAssert.Contains(wrongType.Message, "PredictedLabel");

        async Task<PTuningRowException> RefusedAsync(string json)
        {
            using var row = JsonDocument.Parse(json);
            return await Assert.ThrowsExactlyAsync<PTuningRowException>(() => predictor.PredictJsonAsync(["topics"], row.RootElement));
        }
    }

    [TestMethod]
    public async Task A_web_service_in_front_has_no_models_of_its_own()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(s_silos.Predictor);
        builder.Services.AddPTuningEndpoints();
        await using var front = builder.Build();
        front.Urls.Add("http://127.0.0.1:0");
        front.MapPTuning();
        await front.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(front.Urls.Single()) };

        using var row = JsonDocument.Parse("""{"Text": "late"}""");
        var answer = await (await client.PostAsJsonAsync("/predict/topics", row)).Content.ReadFromJsonAsync<JsonObject>();
        Assert.IsTrue(JsonNode.DeepEquals((await OneProcess.PredictJsonAsync(["topics"], row.RootElement))["topics"], answer));
        var models = (await client.GetFromJsonAsync<PTuningModel[]>("/models"))!;
        string[] names = ["answers", "broken", "hours", "other topics", "things", "topics", "writes"];
        CollectionAssert.AreEqual(names, models.Select(model => model.Name).ToArray());
        Assert.AreEqual(PTuningModelState.Loaded, models.Single(model => model.Name == "topics").State);
        using var refused = await client.PostAsJsonAsync("/predict/nobody", row);
        await Tests.AspNetCore.Refusal.OfAsync(refused, HttpStatusCode.NotFound, "unknown-model");
    }

    /// <summary>Both replicas are on silos of their own, also when one of these has died.</summary>
    [TestMethod]
    [Timeout(90_000)]
    public async Task A_hot_model_is_answered_for_by_more_silos()
    {
        await using var silos = await TestSilos.StartAsync(3, Configure, client: new() { RowsPerReplica = 2, MaxReplicas = 2 });
        var row = new Ticket { Text = "late" };

        await silos.Predictor.PredictAsync<Ticket, NamedTopic>("topics", row);
        Assert.IsNull(await SiloOfAsync(replica: 1), "One row after the other needs one silo.");

        var before = await PlacesAsync();
        Assert.AreNotEqual(before[0], before[1]);

        await silos.KillSiloOfAsync(silos.Client.GetGrain<IModelGrain>(0, "topics", null));
        SiloAddress?[] places;
        do
        {
            await Task.Delay(100);
            places = await PlacesAsync();
        }
        while (places.Any(place => before[0]!.Equals(place)) || places[0]!.Equals(places[1]));

        async Task<SiloAddress?[]> PlacesAsync()
        {
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => silos.Predictor.PredictAsync<Ticket, NamedTopic>("topics", row)));
            return await Task.WhenAll(SiloOfAsync(replica: 0), SiloOfAsync(replica: 1));
        }

        Task<SiloAddress?> SiloOfAsync(long replica) => silos.SiloOfAsync(silos.Client.GetGrain<IModelGrain>(replica, "topics", null));
    }

    [TestMethod]
    [Timeout(60_000)]
    public async Task A_silo_has_read_its_folder_when_it_starts()
    {
        PTuningModelDescription? described = null;
        await using var silos = await TestSilos.StartAsync(1, Configure, silo => silo.AddStartupTask(
            async (services, stop) => described = await services.GetRequiredService<IPTuningPredictor>().DescribeAsync("topics", stop)));

        Assert.AreEqual("topics", described!.Name);
    }

    [TestMethod]
    [Timeout(60_000)]
    public Task No_row_is_lost_with_a_silo() => AssertNoRowIsLostAsync(TestSilos.FindDeathsSoon);

    [TestMethod]
    [TestCategory("Slow")]
    [Timeout(120_000)]
    public Task No_row_is_lost_with_a_silo_whose_death_is_found_out_late() => AssertNoRowIsLostAsync(_ => { });

    private static async Task AssertNoRowIsLostAsync(Action<ClusterMembershipOptions> membership)
    {
        await using var silos = await TestSilos.StartAsync(3, Configure, membership: membership);
        var row = new Ticket { Text = "late" };
        var expected = (await OneProcess.PredictAsync<Ticket, NamedTopic>("topics", row)).PredictedLabel;
        using var stop = new CancellationTokenSource();
        var answered = 0;
        var asking = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.AreEqual(expected, (await silos.Predictor.PredictAsync<Ticket, NamedTopic>("topics", row)).PredictedLabel);
                Interlocked.Increment(ref answered);
            }
        })).ToArray();
        await UntilAsync(100);

        await silos.KillSiloOfAsync(silos.Client.GetGrain<IModelGrain>(0, "topics", null));

        await UntilAsync(Volatile.Read(ref answered) + 100);
        await stop.CancelAsync();
        await Task.WhenAll(asking);

        async Task UntilAsync(int count)
        {
            while (Volatile.Read(ref answered) < count)
            {
                await Task.WhenAny(Task.WhenAny(asking), Task.Delay(10));
                if (asking.FirstOrDefault(task => task.IsFaulted) is { } failed)
                    await failed;
            }
        }
    }

    private static void Configure(PTuningModelsOptions options) =>
        (options.ModelsDirectory, options.MaxRowCharacters) = (s_folder.Path, 100);

    private sealed class RoutedTicket
    {
        public string Text { get; set; } = "";

        public string PredictedLabel { get; set; } = "";
    }

    private sealed class Hours
    {
        [ColumnName("Score")]
        public float Predicted { get; set; }
    }

    private sealed class Things
    {
        public VBuffer<ReadOnlyMemory<char>> Found { get; set; }
    }

    private sealed class Found
    {
        public string[] Answer { get; set; } = [];

        public float[] Score { get; set; } = [];
    }

    private sealed class WrongTopic
    {
        public float PredictedLabel { get; set; }
    }
}
