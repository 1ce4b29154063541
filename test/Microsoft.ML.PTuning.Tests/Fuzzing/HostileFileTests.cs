using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints;
using Microsoft.ML.PTuning.Tests.Persistence;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Faults that an earlier run of damaged files found, one by one.</summary>
[TestClass]
[DoNotParallelize]
public sealed class HostileFileTests
{
    private const string Document = "Prompt.json", Tensors = "Prompt.safetensors";

    private static TinyModel s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext _) => s_model = new TinyModel();

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    [DataRow("\"maxLength\":12", "\"maxLength\":13", DisplayName = "a number")]
    [DataRow("\"maxLength\":12", "\"maxLengtj\":12", DisplayName = "a key")]
    [DataRow("\"billing\"", "\"cilling\"", DisplayName = "a letter of a label")]
    [DataRow("\"sentence1ColumnName\":\"Text\"", "\"sentence1ColumnName\":\"Uext\"", DisplayName = "a letter of a column")]
    [DataRow("\"digest\"", "\"eigest\"", DisplayName = "the key of the digest")]
    [DataRow("\"tensorsHash\"", "\"uensorsHash\"", DisplayName = "the key of the tensors' hash")]
    public void One_bit_of_the_document_is_noticed(string text, string damaged)
    {
        var zip = ZipBytes.Change(s_model.Save(), Document, bytes =>
        {
            var json = Encoding.UTF8.GetString(bytes);
            Assert.Contains(text, json);
            return Encoding.UTF8.GetBytes(json.Replace(text, damaged));
        });

        Assert.Contains($"'the stream: {Document}'", Assert.ThrowsExactly<FormatException>(() => s_model.Load(zip)).Message);
    }

    [TestMethod]
    public void No_bit_of_a_zip_changes_what_a_model_says()
    {
        var zip = s_model.Save();
        var expected = s_model.Score();
        for (var at = 0; at < zip.Length; at += 5)
        {
            byte[] damaged = [.. zip];
            damaged[at] ^= (byte)(1 << at % 8);
            try
            {
                using var loaded = s_model.Load(damaged);
                Scores.AssertEqual(expected, s_model.Score(loaded));
            }
            catch (Exception e) when (e is FormatException or InvalidDataException)
            {
                Assert.Contains("the stream", e.Message);
            }
        }
    }

    [TestMethod]
    public void Document_may_have_other_white_space_and_forms_of_numbers()
    {
        var zip = ZipBytes.Change(s_model.Save(), Document, bytes =>
            Encoding.UTF8.GetBytes(JsonNode.Parse(bytes)!.ToJsonString(new() { WriteIndented = true }).Replace("\"maxLength\": 12", "\"maxLength\" : 1.2e1")));

        Assert.Contains("maxLength", Assert.ThrowsExactly<FormatException>(() => s_model.Load(zip)).Message);
        var spaced = ZipBytes.Change(
            s_model.Save(), Document, bytes => Encoding.UTF8.GetBytes(JsonNode.Parse(bytes)!.ToJsonString(new() { WriteIndented = true })));
        s_model.Load(spaced).Dispose();
    }

    [TestMethod]
    [DataRow(Document, 20 << 20)]
    [DataRow(Tensors, 128 << 20)]
    public void An_entry_that_unpacks_to_far_more_is_refused_before_it_does(string entry, int length)
    {
        var bomb = ZipBytes.Change(s_model.Save(), entry, _ => [.. Enumerable.Repeat((byte)' ', length)]);
        Assert.IsLessThan(1 << 20, bomb.Length);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var refusal = Assert.ThrowsExactly<FormatException>(() => s_model.Load(bomb));

        Assert.Contains($"'the stream: {entry}' is refused: It has {length.ToString("N0", CultureInfo.InvariantCulture)} bytes", refusal.Message);
        Assert.IsLessThan(16L << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void An_entry_of_ML_NETs_zip_that_is_larger_than_any_document_is_refused()
    {
        using var saved = new MemoryStream();
        s_model.MLContext.Model.Save(s_model.Transformer, s_model.Data.Schema, saved);
        var bomb = ZipBytes.Change(saved.ToArray(), Document, _ => [.. Enumerable.Repeat((byte)' ', 20 << 20)]);

        var refusal = Assert.Throws<Exception>(() => s_model.MLContext.Model.Load(new MemoryStream(bomb), out _));

        Assert.Contains($"The model's entry '{Document}' cannot be read: It has 20,971,520 bytes", refusal.InnerException!.Message);
    }

    [TestMethod]
    [DataRow(100_000)]
    [DataRow(10_000_000)]
    [DataRow(int.MaxValue)]
    public void More_layers_than_any_encoder_has_are_refused(int layers)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        checkpoint.Configuration["num_hidden_layers"] = layers;
        checkpoint.SaveConfiguration();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => checkpoint.Load());

        Assert.Contains($"num_hidden_layers is {layers}, expected a whole number from 1 to 1024", refusal.Message);
    }

    [TestMethod]
    public void Of_many_missing_tensors_the_first_are_named()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        checkpoint.Configuration["num_hidden_layers"] = 1000;
        checkpoint.SaveConfiguration();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => checkpoint.Load());

        Assert.Contains("missing: bert.encoder.layer.3.", refusal.Message);
        Assert.Contains("more", refusal.Message);
        Assert.IsLessThan(20_000, refusal.Message.Length);
    }

    [TestMethod]
    public void A_tensor_of_a_torch_file_that_repeats_a_small_storage_is_refused()
    {
        using var folder = new TemporaryDirectory();
        var path = folder.File("pytorch_model.bin");
        var endless = new StoredTensor("FloatStorage", "0", Count: 4, Offset: 0, [int.MaxValue, 8], [0, 0]);
        TorchWriter.Write(path, PickleWriter.StateDictionary([("word_embeddings.weight", endless)]), [("data/0", new byte[16])]);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => TorchFile.Open(path).Dispose());

        Assert.Contains(path, refusal.Message);
        Assert.Contains("repeats some of them", refusal.Message);
    }

    [TestMethod]
    public void A_storage_of_a_torch_file_that_unpacks_to_far_more_is_refused()
    {
        const int count = 32 << 20;
        using var folder = new TemporaryDirectory();
        var path = folder.File("pytorch_model.bin");
        var zeros = new StoredTensor("FloatStorage", "0", count, Offset: 0, [count / 8, 8], [8, 1]);
        TorchWriter.Write(
            path, PickleWriter.StateDictionary([("word_embeddings.weight", zeros)]), [("data/0", new byte[count * sizeof(float)])], CompressionLevel.Fastest);

        using var file = TorchFile.Open(path);

        Assert.Contains("trained numbers do not shrink so far", Assert.ThrowsExactly<InvalidDataException>(() => file.Load("word_embeddings.weight")).Message);
    }

    [TestMethod]
    [DataRow("""{"model_type": "\ud800"}""")]
    [DataRow("""{"model_type": "bert", "\udc00": 1}""")]
    [DataRow("""{"model_type": "bert", "hidden_act": "\ud83d\ud83d"}""")]
    public void Half_of_a_surrogate_pair_in_a_configuration_is_refused_by_its_place(string json)
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder.File("config.json"), json);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(folder.Path));

        var place = json.IndexOf("\\ud", StringComparison.Ordinal);
        Assert.Contains($"'{folder.File("config.json")}' is not JSON: The text at character {place} has half of a surrogate pair", refusal.Message);
    }

    [TestMethod]
    public void A_whole_surrogate_pair_and_a_backslash_are_text()
    {
        using var folder = TokenizerFolder.WordPiece("""{"note": "\ud83d\ude00 \\ud800 \"\\\" é"}""", "a");

        Assert.AreEqual(6, folder.Load().VocabularySize);
    }

    [TestMethod]
    [DataRow("tokenizer_config.json", """{"added_tokens_decoder": {"5": "a"}}""", "an added token with content and id")]
    [DataRow("tokenizer_config.json", """{"added_tokens_decoder": [5]}""", "an object of ids and tokens as 'added_tokens_decoder', but found Array")]
    [DataRow("tokenizer_config.json", """{"cls_token": "\ud800"}""", "half of a surrogate pair")]
    [DataRow("special_tokens_map.json", """{"cls_token": {"content": "\udfff"}}""", "half of a surrogate pair")]
    public void A_wrong_type_in_a_tokenizers_settings_is_refused_by_its_file(string name, string json, string reason)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var path = folder.Write(name, json);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load());

        Assert.Contains(path, refusal.Message);
        Assert.Contains(reason, refusal.Message);
    }

    [TestMethod]
    [DataRow("pre_tokenizer", "null", "a WordPiece tokenizer with pre_tokenizer none is not supported; expected BertPreTokenizer")]
    [DataRow("pre_tokenizer", "[]", "expected an object as 'pre_tokenizer', but found Array")]
    [DataRow("normalizer", "5", "expected an object as 'normalizer', but found Number")]
    [DataRow("normalizer", "null", "a WordPiece tokenizer with normalizer none is not supported; expected BertNormalizer")]
    [DataRow("added_tokens", "5", "expected a list as 'added_tokens', but found Number")]
    [DataRow("added_tokens", "[5]", "expected an added token with content and id")]
    [DataRow("added_tokens", "[\"a\"]", "expected an added token with content and id")]
    public void A_step_of_a_fast_tokenizer_that_is_another_or_none_is_refused(string key, string value, string reason)
    {
        using var folder = new TokenizerFolder();
        var vocabulary = new JsonObject(TokenizerFolder.BertTokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));
        var json = new JsonObject
        {
            ["normalizer"] = new JsonObject { ["type"] = "BertNormalizer" },
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["model"] = new JsonObject { ["type"] = "WordPiece", ["vocab"] = vocabulary },
        };
        folder.Write("tokenizer.json", json.ToJsonString());
        Assert.AreEqual(TokenizerFolder.BertTokens.Length, folder.Load().VocabularySize);
        json[key] = JsonNode.Parse(value);
        var path = folder.Write("tokenizer.json", json.ToJsonString());

        var refusal = Assert.Throws<Exception>(() => folder.Load());

        Assert.IsTrue(refusal is InvalidDataException or NotSupportedException, $"{refusal.GetType()}");
        Assert.Contains(path, refusal.Message);
        Assert.Contains(reason, refusal.Message);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.NegativeInfinity)]
    [DataRow(3e38f)]
    public void Numbers_that_no_training_gives_are_refused_by_their_tensor(float number)
    {
        var zip = ZipBytes.Change(s_model.Save(), Tensors, bytes =>
        {
            using var file = SafetensorsFile.Read(new MemoryStream(bytes), Tensors);
            var tensors = file.LoadAll();
            tensors["head.bias"][1] = number;
            using var written = new MemoryStream();
            SafetensorsWriter.Write(written, [.. tensors.Select(pair => (pair.Key, pair.Value))]);
            return written.ToArray();
        });
        zip = ZipBytes.ChangeJson(zip, Document, document => document.AsObject().Remove("tensorsHash"));

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => s_model.Load(zip));

        Assert.Contains($"'the stream: {Tensors}': tensor 'head.bias' holds ", refusal.Message);
    }

    [TestMethod]
    public void Two_classes_of_one_name_are_refused()
    {
        var zip = ZipBytes.ChangeJson(s_model.Save(), Document, document => document["task"]!["labels"]!["values"]![1] = "billing");

        Assert.Contains("The task has several classes 'billing'; expected each once.", Assert.ThrowsExactly<FormatException>(() => s_model.Load(zip)).Message);
    }

    [TestMethod]
    [DataRow(1e308, 1.0)]
    [DataRow(0.0, 1e38)]
    public void A_scale_beyond_a_Single_is_refused(double mean, double deviation)
    {
        var task = new JsonObject
        {
            ["kind"] = "regression",
            ["maxLength"] = 8,
            ["labelColumnName"] = "Label",
            ["sentence1ColumnName"] = "Text",
            ["scoreColumnName"] = "Score",
            ["targetMean"] = mean,
            ["targetDeviation"] = deviation,
        };
        var zip = ZipBytes.ChangeJson(s_model.Save(), Document, document => document["task"] = task);

        Assert.Contains("predictions would exceed what a Single holds", Assert.ThrowsExactly<FormatException>(() => s_model.Load(zip)).Message);
    }
}
