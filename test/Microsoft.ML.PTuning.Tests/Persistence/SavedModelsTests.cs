using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>Models that an earlier version saved with <c>mlContext.Model.Save</c>, over mini-cased, and the scores that it gave.</summary>
/// <remarks>Made at commit 6ab7040, before the method was named by its kind.</remarks>
[TestClass]
public sealed class SavedModelsTests
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "saved");

    private readonly MLContext _context = new();

    public static IEnumerable<object[]> Names =>
        from name in (string[])["classes", "classes-top-layers", "probe", "number", "tags", "choice", "answers"] select new object[] { name };

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Model_of_an_earlier_version_gives_its_scores(string name)
    {
        using var model = Load(name);
        var expected = JsonSerializer.Deserialize<Dictionary<string, float[][]>>(File.ReadAllText(Path.Combine(s_folder, "scores.json")))![name];

        var scored = model.Transform(_context.Data.LoadFromEnumerable(Rows));
        float[][] actual = scored.Schema["Score"].Type is VectorDataViewType
            ? [.. scored.GetColumn<float[]>("Score")]
            : [.. scored.GetColumn<float>("Score").Select(score => new[] { score })];

        // Another processor than the one that gave them rounds otherwise, in the last digits.
        CollectionAssert.AreEqual(expected.Select(row => row.Length).ToArray(), actual.Select(row => row.Length).ToArray());
        foreach (var (row, scores) in expected.Zip(actual))
            foreach (var (score, found) in row.Zip(scores, (a, b) => (a, b)))
                Assert.AreEqual(score, found, 1e-5f * Math.Max(1, Math.Abs(score)));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Model_of_an_earlier_version_is_saved_again_with_the_same_tensors(string name)
    {
        using var model = Load(name);
        using var stream = new MemoryStream();

        model.SaveTo(stream);

        using var again = PTuningV2Transformer.LoadFrom(_context, new MemoryStream(stream.ToArray()));
        CollectionAssert.AreEqual(model.Model.Tensors.Names.ToArray(), again.Model.Tensors.Names.ToArray());
        foreach (var (tensor, values) in model.Model.Tensors)
            Assert.IsTrue(values.equal(again.Model.Tensors[tensor]).all().item<bool>(), tensor);
    }

    [TestMethod]
    public void Method_is_written_by_its_kind()
    {
        using var model = Load("classes-top-layers");
        using var stream = new MemoryStream();

        model.SaveTo(stream);

        var method = JsonNode.Parse(ZipBytes.Read(stream.ToArray(), "Prompt.json"))!["method"]!;
        Assert.AreEqual("""{"kind":"p-tuning-v2","prefixLength":2,"prefixLayers":2,"positionOffset":"none"}""", method.ToJsonString());
        var expected = new DeepPrefix { PrefixLength = 2, PrefixLayers = 2, PositionOffset = PositionOffset.None };
        Assert.AreEqual(0, model.Model.Method.DifferencesFrom(expected, model.Model.Network.Encoder.Backbone).Count);
    }

    [TestMethod]
    public void Document_may_be_written_again_in_any_order()
    {
        using var model = Load("classes");
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        var reversed = ZipBytes.Change(stream.ToArray(), "Prompt.json", bytes => JsonSerializer.SerializeToUtf8Bytes(Reversed(JsonNode.Parse(bytes))));

        using var again = PTuningV2Transformer.LoadFrom(_context, new MemoryStream(reversed));

        Assert.AreEqual(0, again.Model.Method.DifferencesFrom(model.Model.Method, model.Model.Network.Encoder.Backbone).Count);
    }

    private static JsonNode? Reversed(JsonNode? node) => node is JsonObject json
        ? new JsonObject(json.Reverse().Select(pair => KeyValuePair.Create(pair.Key, Reversed(pair.Value))))
        : node?.DeepClone();

    private PTuningV2Transformer Load(string name) =>
        (PTuningV2Transformer)_context.Model.Load(Path.Combine(s_folder, $"{name}.zip"), out _);

    private static IEnumerable<SavedRow> Rows =>
        from text in (string[])[
            "the parcel never came", "i was charged twice", "where is my order", "refund the second payment", "the courier lost it", "the invoice is wrong"]
        select new SavedRow
        {
            Text = text,
            Words = text.Split(' '),
            Context = $"{text} and nobody answers.",
            Question = "what is it about?",
            Choices = ["it was late", "it was paid"],
        };

    private sealed class SavedRow
    {
        public string Text { get; set; } = "";

        public string[] Words { get; set; } = [];

        public string Context { get; set; } = "";

        public string Question { get; set; } = "";

        [VectorType(2)]
        public string[] Choices { get; set; } = [];
    }
}
