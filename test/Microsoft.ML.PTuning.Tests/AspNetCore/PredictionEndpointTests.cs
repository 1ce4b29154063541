using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>What the endpoints answer and refuse.</summary>
[TestClass]
public sealed class PredictionEndpointTests
{
    private const float Tolerance = 1e-5f;
    private const string Late = "my parcel is late";

    private static readonly ServedModels s_models = ServedModels.Shared;
    private static ServingApplication s_application = null!;

    [ClassInitialize]
    public static async Task Start(TestContext _)
    {
        s_application = await ServingApplication.StartAsync(
            options => (options.MaxRowCharacters, options.MaxModelsPerRow) = (200, 3),
            ("topics", s_models.Topics()), ("again", s_models.Topics(2)), ("hours", s_models.Hours()), ("things", s_models.Things()),
            ("answers", s_models.Answers()), ("writes", s_models.Writes()), ("without", s_models.WithoutColumns()));
    }

    [ClassCleanup]
    public static async Task Stop() => await s_application.DisposeAsync();

    [TestMethod]
    public async Task Class_and_probabilities_are_those_of_a_prediction_engine()
    {
        var expected = s_models.Predict<Ticket, NamedTopic>(s_models.Topics(), new Ticket { Text = Late });

        var answer = await s_application.PredictAsync("topics", Late);

        CollectionAssert.AreEqual(new[] { "PredictedLabel", "Score" }, answer.Select(column => column.Key).ToArray());
        Assert.AreEqual(expected.PredictedLabel, (string?)answer["PredictedLabel"]);
        var scores = answer["Score"]!.AsObject();
        CollectionAssert.AreEquivalent(Tickets.Topics, scores.Select(score => score.Key).ToArray());
        Assert.AreEqual(expected.Score.Max(), (float)scores[expected.PredictedLabel]!, Tolerance);
        Assert.AreEqual(1f, scores.Sum(score => (float)score.Value!), Tolerance);
    }

    [TestMethod]
    public async Task Number_is_a_number()
    {
        var expected = s_models.Predict<Ticket, Rated>(s_models.Hours(), new Ticket { Text = Late });

        Assert.AreEqual(expected.Score, (float)(await s_application.PredictAsync("hours", Late))["Score"]!, Tolerance);
    }

    [TestMethod]
    public async Task Entities_have_type_offsets_and_text()
    {
        var answer = await s_application.PredictAsync("things", Late);

        var entity = answer["Found"]!.AsArray().Single()!;
        Assert.AreEqual("""{"type":"THING","start":3,"end":9,"text":"parcel"}""", entity.ToJsonString());
        CollectionAssert.AreEqual(new[] { "O", "B-THING", "O", "O" }, answer["PredictedLabel"]!.AsArray().Select(tag => (string?)tag).ToArray());
    }

    [TestMethod]
    public async Task Answers_stand_where_they_say()
    {
        const string Passage = "the parcel was not late";
        using var response = await s_application.Client.PostAsJsonAsync("/predict/answers", new { Question = "is late", Context = Passage });

        var answers = (await response.Content.ReadFromJsonAsync<JsonObject>())!["Answer"]!.AsArray();
        Assert.HasCount(3, answers);
        foreach (var answer in answers)
            Assert.AreEqual(Passage[(int)answer!["start"]!..(int)answer["end"]!], (string?)answer["text"]);
        float[] scores = [.. answers.Select(answer => (float)answer!["score"]!)];
        CollectionAssert.AreEqual(scores.OrderDescending().ToArray(), scores);
    }

    [TestMethod]
    public async Task Text_is_written_by_a_model_on_another_encoder()
    {
        var answer = await s_application.PredictAsync("writes", "ab c");

        Assert.AreEqual((string?)answer["Candidates"]![0], (string?)answer["GeneratedText"]);
        Assert.HasCount(1, answer["Score"]!.AsArray());
    }

    [TestMethod]
    public async Task Several_models_answer_a_row()
    {
        using var response = await s_application.Client.PostAsJsonAsync(
            "/predict", new { models = (string[])["hours", "topics", "again"], row = new { Text = Late } });

        var answers = (await response.Content.ReadFromJsonAsync<JsonObject>())!;
        CollectionAssert.AreEqual(new[] { "hours", "topics", "again" }, answers.Select(answer => answer.Key).ToArray());
        foreach (var (model, answer) in answers)
            AssertClose(await s_application.PredictAsync(model, Late), answer!.AsObject());
    }

    [TestMethod]
    public async Task Models_with_other_columns_share_a_row()
    {
        using var response = await s_application.Client.PostAsJsonAsync(
            "/predict", new { models = (string[])["answers", "topics"], row = new { Text = Late, Question = "is late", Context = Late } });

        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    [TestMethod]
    public async Task Typed_rows_are_predicted_in_the_process()
    {
        var expected = s_models.Predict<Ticket, NamedTopic>(s_models.Topics(), new Ticket { Text = Late });

        var one = await s_application.Predictor.PredictAsync<Ticket, NamedTopic>("topics", new Ticket { Text = Late });
        var two = await s_application.Predictor.PredictAllAsync<Ticket, NamedTopic>(["topics", "again"], new Ticket { Text = Late });

        Assert.AreEqual(expected.PredictedLabel, one.PredictedLabel);
        Assert.AreEqual(expected.Score.Max(), two["topics"].Score.Max(), Tolerance);
        Assert.HasCount(2, two);
    }

    [TestMethod]
    public async Task Models_are_listed_and_described()
    {
        var models = (await s_application.Client.GetFromJsonAsync<JsonArray>("/models"))!;
        var topics = (await s_application.Client.GetFromJsonAsync<JsonObject>("/models/topics"))!;

        CollectionAssert.AreEqual(
            new[] { "again", "answers", "hours", "things", "topics", "without", "writes" }, models.Select(model => (string?)model!["name"]).ToArray());
        Assert.AreEqual("multiclass-classification", (string?)topics["task"]);
        Assert.AreEqual("""{"Text":"text"}""", topics["inputs"]!.ToJsonString());
        Assert.AreEqual("""["PredictedLabel","Score"]""", topics["outputs"]!.ToJsonString());
        CollectionAssert.AreEquivalent(Tickets.Topics, topics["classes"]!.AsArray().Select(name => (string?)name).ToArray());
        Assert.IsGreaterThan(0, (long)topics["tensorBytes"]!);
    }

    [TestMethod]
    [DataRow("GET", "/models/nothing")]
    [DataRow("POST", "/predict/nothing")]
    [DataRow("POST", "/predict/..%2Ftopics")]
    public async Task Unknown_model_is_not_found(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = method == "POST" ? JsonContent.Create(new { Text = Late }) : null;
        using var response = await s_application.Client.SendAsync(request);

        var problem = await Refusal.OfAsync(response, HttpStatusCode.NotFound, "unknown-model");
        Assert.IsNotNull(problem["model"]);
    }

    [TestMethod]
    [DataRow("""{"Txt": "late"}""", "Txt", "There is no column 'Txt'. Expected 'Text' (text).")]
    [DataRow("""{}""", "Text", "'Text' (text) is missing.")]
    [DataRow("""{"Text": null}""", "Text", "'Text' must be text; found null.")]
    [DataRow("""{"Text": 5}""", "Text", "'Text' must be text; found number.")]
    [DataRow("""["late"]""", null, "found array")]
    public async Task Wrong_row_is_refused_by_its_field(string row, string? field, string message)
    {
        using var response = await PostAsync("/predict/topics", row);

        var problem = await Refusal.OfAsync(response, HttpStatusCode.BadRequest, "wrong-row");
        Assert.AreEqual(field, (string?)problem["field"]);
        Assert.Contains(message, (string)problem["detail"]!);
    }

    [TestMethod]
    [DataRow("""{"row": {"Text": "late"}}""", "models")]
    [DataRow("""{"models": "topics", "row": {"Text": "late"}}""", "models")]
    [DataRow("""{"models": [], "row": {"Text": "late"}}""", "models")]
    [DataRow("""{"models": ["topics", "topics"], "row": {"Text": "late"}}""", "models")]
    [DataRow("""{"models": ["topics", "hours", "again", "things"], "row": {"Text": "late"}}""", "models")]
    [DataRow("""{"models": ["topics"]}""", "row")]
    [DataRow("""{"models": ["topics"], "row": {"Text": "late"}, "limit": 3}""", "limit")]
    [DataRow("""{"models": ["topics", "hours"], "row": {"Text": "late", "Context": "late"}}""", "Context")]
    public async Task Wrong_request_for_several_models_is_refused(string request, string field)
    {
        using var response = await PostAsync("/predict", request);

        Assert.AreEqual(field, (string?)(await Refusal.OfAsync(response, HttpStatusCode.BadRequest, "wrong-row"))["field"]);
    }

    [TestMethod]
    [DataRow("""{"Text": "late" """)]
    [DataRow("")]
    [DataRow("""{"Text": "late", "Text": "paid"}""")]
    public async Task Text_that_is_no_json_is_refused(string text)
    {
        using var response = await PostAsync("/predict/topics", text);

        await Refusal.OfAsync(response, HttpStatusCode.BadRequest, "wrong-json");
    }

    [TestMethod]
    public async Task Column_of_the_training_rows_may_be_there()
    {
        using var response = await PostAsync("/predict/topics", """{"text": "late", "Topic": "billing", "Hours": 3}""");

        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    [TestMethod]
    public async Task Row_with_too_many_characters_is_too_large()
    {
        using var fits = await PostAsync("/predict/topics", JsonSerializer.Serialize(new { Text = new string('a', 200) }));
        using var exceeds = await PostAsync("/predict/topics", JsonSerializer.Serialize(new { Text = new string('a', 201) }));

        Assert.AreEqual(HttpStatusCode.OK, fits.StatusCode);
        await Refusal.OfAsync(exceeds, HttpStatusCode.RequestEntityTooLarge, "row-too-long");
    }

    [TestMethod]
    public async Task Body_that_no_row_needs_is_too_large()
    {
        using var response = await PostAsync("/predict/topics", $$"""{"Text": "late"{{new string(' ', 100_000)}}}""");

        await Refusal.OfAsync(response, HttpStatusCode.RequestEntityTooLarge, "bad-request");
    }

    [TestMethod]
    public async Task Body_of_another_type_is_refused()
    {
        using var content = new StringContent("Text=late", Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await s_application.Client.PostAsync("/predict/topics", content);

        await Refusal.OfAsync(response, HttpStatusCode.UnsupportedMediaType, "bad-request");
    }

    [TestMethod]
    public async Task Model_that_does_not_know_its_columns_is_unavailable()
    {
        using var response = await PostAsync("/predict/without", """{"Text": "late"}""");

        var problem = await Refusal.OfAsync(response, HttpStatusCode.ServiceUnavailable, "broken-model");
        Assert.DoesNotContain(s_application.Folder, problem.ToJsonString());
        Assert.AreEqual(PTuningModelState.Broken, s_application.Model("without").State);
        Assert.Contains("Save the model with mlContext.Model.Save", s_application.Model("without").Problem!);
    }

    [TestMethod]
    public async Task Document_names_every_path_and_body()
    {
        var document = (await s_application.Client.GetFromJsonAsync<JsonObject>("/openapi/ptuning.json"))!;

        var paths = document["paths"]!.AsObject();
        CollectionAssert.AreEquivalent(
            new[] { "/models", "/models/{model}", "/predict", "/predict/{model}" }, paths.Select(path => path.Key).ToArray());
        var predict = paths["/predict/{model}"]!["post"]!;
        CollectionAssert.AreEquivalent(
            new[] { "application/json", "application/x-ndjson" }, predict["requestBody"]!["content"]!.AsObject().Select(type => type.Key).ToArray());
        CollectionAssert.IsSubsetOf(
            new[] { "200", "400", "404", "413", "415", "503" }, predict["responses"]!.AsObject().Select(response => response.Key).ToArray());
        foreach (var operation in paths.SelectMany(path => path.Value!.AsObject()))
            Assert.IsFalse(string.IsNullOrEmpty((string?)operation.Value!["summary"]));
        var model = document["components"]!["schemas"]!["PTuningModel"]!["properties"]!;
        Assert.AreEqual("The size of the file in bytes.", (string?)model["fileBytes"]!["description"]);
    }

    private static Task<HttpResponseMessage> PostAsync(string path, string json) =>
        s_application.Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    private static void AssertClose(JsonNode expected, JsonNode actual)
    {
        switch (expected)
        {
            case JsonObject properties:
                foreach (var (name, value) in properties)
                    AssertClose(value!, actual[name]!);
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                Assert.AreEqual((float)value, (float)actual, Tolerance);
                break;
            default:
                Assert.AreEqual(expected.ToJsonString(), actual.ToJsonString());
                break;
        }
    }

    private sealed class Rated
    {
        public float Score { get; set; }
    }
}
