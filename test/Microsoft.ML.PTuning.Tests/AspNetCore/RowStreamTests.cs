using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>Streams of rows, a line each.</summary>
[TestClass]
public sealed class RowStreamTests
{
    private const int Window = 8;
    private const int MaxRows = 3000;

    private static readonly ServedModels s_models = ServedModels.Shared;
    private static ServingApplication s_application = null!;

    [ClassInitialize]
    public static async Task Start(TestContext _)
    {
        s_application = await ServingApplication.StartAsync(
            options => (options.StreamWindow, options.MaxStreamRows, options.MaxRowCharacters, options.QueueCapacity) = (Window, MaxRows, 1000, 4),
            ("topics", s_models.Topics()));
    }

    [ClassCleanup]
    public static async Task Stop() => await s_application.DisposeAsync();

    [TestMethod]
    public async Task Rows_are_answered_in_order_with_what_single_requests_get()
    {
        string[] texts = [.. Tickets.Rows(300).Select(ticket => ticket.Text)];

        var lines = await AnswersAsync(string.Join('\n', texts.Select(text => JsonSerializer.Serialize(new { Text = text }))));

        CollectionAssert.AreEqual(Enumerable.Range(1, 300).ToArray(), lines.Select(line => (int)line["line"]!).ToArray());
        foreach (var i in (int[])[0, 17, 123, 299])
        {
            var alone = await s_application.PredictAsync("topics", texts[i]);
            foreach (var (topic, score) in alone["Score"]!.AsObject())
                Assert.AreEqual((float)score!, (float)lines[i]["prediction"]!["Score"]![topic]!, 1e-5f);
        }
    }

    [TestMethod]
    public async Task Broken_lines_are_problems_with_their_numbers()
    {
        var tooLong = JsonSerializer.Serialize(new { Text = new string('a', 1001) });
        var farTooLong = JsonSerializer.Serialize(new { Text = new string('a', 500_000) });

        var lines = await AnswersAsync($"{{\"Text\": \"late\"}}\n{{\"Text\": \n\n{{\"Txt\": \"late\"}}\r\n{tooLong}\n{farTooLong}\n{{\"Text\": \"paid\"}}\n");

        CollectionAssert.AreEqual(new[] { 1, 2, 4, 5, 6, 7 }, lines.Select(line => (int)line["line"]!).ToArray());
        CollectionAssert.AreEqual(
            new[] { null, "wrong-json", "wrong-row", "row-too-long", "row-too-long", null },
            lines.Select(line => ((string?)line["problem"]?["type"])?.Split(':')[^1]).ToArray());
        Assert.AreEqual("Txt", (string?)lines[2]["problem"]!["field"]);
        Assert.AreEqual(400, (int)lines[2]["problem"]!["status"]!);
    }

    [TestMethod]
    public async Task Stream_of_too_many_rows_ends_with_a_problem()
    {
        var lines = await AnswersAsync(string.Concat(Enumerable.Repeat("{\"Text\": \"late\"}\n", MaxRows + 3)));

        Assert.HasCount(MaxRows + 1, lines);
        Assert.AreEqual("urn:ptuning:problem:too-many-rows", (string?)lines[^1]["problem"]!["type"]);
    }

    [TestMethod]
    public async Task Empty_stream_has_no_answers() => Assert.HasCount(0, await AnswersAsync(""));

    [TestMethod]
    public async Task Unknown_model_is_refused_before_the_stream()
    {
        using var response = await s_application.Client.PostAsync("/predict/nothing", Lines("{\"Text\": \"late\"}\n"));

        await Refusal.OfAsync(response, HttpStatusCode.NotFound, "unknown-model");
    }

    [TestMethod]
    public async Task Answers_come_while_rows_are_sent()
    {
        await using var stream = await DuplexStream.OpenAsync(s_application, "topics");
        foreach (var number in Enumerable.Range(2, 20))
        {
            await stream.SendAsync(new { Text = "late" });
            Assert.AreEqual(number, (int)(await stream.ReadAsync())!["line"]!);
        }

        stream.Complete();
        Assert.IsNull(await stream.ReadAsync());
    }

    [TestMethod]
    public async Task Rows_are_not_read_while_answers_are_not()
    {
        using var metrics = new CollectedMetrics(s_application);
        await using var stream = await DuplexStream.OpenAsync(s_application, "topics");
        // The client sends as much as it can, and reads nothing.
        var sending = Task.Run(async () =>
        {
            for (var i = 1; i < MaxRows - 10; i++)
                await stream.SendAsync(new { Text = new string('a', 900) });
        });
        double before;
        do
        {
            before = metrics.Sum("ptuning.stream.rows");
            await Task.Delay(300);
        }
        while (metrics.Sum("ptuning.stream.rows") > before);
        Assert.IsFalse(sending.IsCompleted, "The service read all rows, though nobody read their answers.");

        // Then it reads, and gets all.
        for (var i = 1; i < MaxRows - 10; i++)
            Assert.AreEqual(i + 1, (int)(await stream.ReadAsync())!["line"]!);
        await sending;
    }

    [TestMethod]
    public async Task Streams_leave_room_for_single_requests()
    {
        string rows = string.Concat(Enumerable.Repeat("{\"Text\": \"my parcel is late\"}\n", 400));
        var streams = Enumerable.Range(0, 4).Select(_ => AnswersAsync(rows)).ToArray();

        while (!streams.All(stream => stream.IsCompleted))
            await s_application.PredictAsync("topics", "late");

        foreach (var stream in streams)
            Assert.IsTrue((await stream).All(line => line["prediction"] is not null));
    }

    private static async Task<JsonObject[]> AnswersAsync(string rows)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/predict/topics")
        {
            Content = Lines(rows), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await s_application.Duplex.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
        Assert.AreEqual("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        var text = await response.Content.ReadAsStringAsync();
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!.AsObject())];
    }

    private static StringContent Lines(string rows) => new(rows, Encoding.UTF8, new MediaTypeHeaderValue("application/x-ndjson"));
}
