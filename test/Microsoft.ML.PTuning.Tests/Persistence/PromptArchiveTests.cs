using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>What is in a saved model, read without this library's own readers.</summary>
[TestClass]
public class PromptArchiveTests
{
    private const string Document = "Prompt.json", Tensors = "Prompt.safetensors";
    private static TinyModel s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel();

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void Own_zip_has_two_entries_at_its_root() =>
        CollectionAssert.AreEqual(new[] { Document, Tensors }, ZipBytes.Paths(s_model.Save()));

    [TestMethod]
    public void ML_NET_s_zip_has_the_same_two_entries_beside_its_own_header()
    {
        var ours = ZipBytes.Paths(SaveByMLNet()).Where(path => path.StartsWith("TransformerChain/", StringComparison.Ordinal)).Select(Path.GetFileName).Order().ToArray();

        CollectionAssert.AreEqual(new[] { "Model.key", Document, Tensors }, ours);
    }

    [TestMethod]
    [DataRow(Document)]
    [DataRow(Tensors)]
    public void Both_zips_hold_the_same_bytes(string entry) =>
        CollectionAssert.AreEqual(ZipBytes.Read(s_model.Save(), entry), ZipBytes.Read(SaveByMLNet(), entry));

    [TestMethod]
    public void Tensors_open_in_a_reader_that_knows_only_the_safetensors_format()
    {
        var (header, dataStart, length) = ReadHeader(ZipBytes.Read(s_model.Save(), Tensors));

        CollectionAssert.AreEqual(
            new[] { "head.bias F32 [3] 0..12", "head.weight F32 [3,8] 12..108", "prefix F32 [3,3,2,2,4] 108..684" },
            header.Select(t => Describe(t.Key, t.Value!)).ToArray());
        Assert.AreEqual(0, dataStart % 8);
        Assert.AreEqual(684, length - dataStart);
    }

    [TestMethod]
    public void Half_precision_stores_two_bytes_a_number()
    {
        var (header, dataStart, length) = ReadHeader(ZipBytes.Read(s_model.Save(halfPrecision: true), Tensors));

        Assert.IsTrue(header.All(t => (string?)t.Value!["dtype"] == "F16"));
        Assert.AreEqual(684 / 2, length - dataStart);
    }

    [TestMethod]
    public void Half_precision_rounds_the_same_numbers()
    {
        var bytes = ZipBytes.Read(s_model.Save(), Tensors);
        var (header, dataStart, _) = ReadHeader(bytes);
        var end = dataStart + (int)header["head.weight"]!["data_offsets"]![1]!;
        var last = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(end - 4));

        var half = ZipBytes.Read(s_model.Save(halfPrecision: true), Tensors);
        var (halfHeader, halfStart, _) = ReadHeader(half);
        var halfEnd = halfStart + (int)halfHeader["head.weight"]!["data_offsets"]![1]!;

        Assert.AreEqual((float)(Half)last, (float)BinaryPrimitives.ReadHalfLittleEndian(half.AsSpan(halfEnd - 2)));
    }

    [TestMethod]
    public void Document_says_what_the_model_is()
    {
        var document = ReadDocument();

        Assert.AreEqual(1, (int)document["formatVersion"]!);
        Assert.AreEqual("multiclass-classification", (string?)document["task"]!["kind"]);
        Assert.AreEqual("Text", (string?)document["task"]!["sentence1ColumnName"]);
        Assert.AreEqual(12, (int)document["task"]!["maxLength"]!);
        CollectionAssert.AreEqual(Tickets.Topics, document["task"]!["labels"]!["values"]!.AsArray().Select(v => (string?)v).ToArray());
        Assert.AreEqual("Text", (string?)document["task"]!["labels"]!["itemType"]);
        Assert.AreEqual(3, (int)document["method"]!["prefixLength"]!);
        Assert.AreEqual("prefix", (string?)document["method"]!["positionOffset"]);
        Assert.AreEqual(24, (int)document["training"]!["rowsUsed"]!);
        Assert.AreEqual(Hash(ZipBytes.Read(s_model.Save(), Tensors)), (string?)document["tensorsHash"]);
    }

    [TestMethod]
    public void Document_refers_to_the_backbone_by_numbers_and_hashes()
    {
        var backbone = ReadDocument()["backbone"]!;
        var weights = Hash(File.ReadAllBytes(s_model.Encoder.Checkpoint.WeightsPath));

        Assert.AreEqual("directory", (string?)backbone["kind"]);
        Assert.AreEqual(s_model.Encoder.Path, (string?)backbone["directory"]);
        Assert.AreEqual("bert", (string?)backbone["modelType"]);
        Assert.AreEqual((8, 3, 2, 30), ((int)backbone["hiddenSize"]!, (int)backbone["layers"]!, (int)backbone["heads"]!, (int)backbone["vocabularySize"]!));
        Assert.AreEqual(weights, (string?)backbone["weights"]!["model.safetensors"]);
        Assert.IsNotNull(backbone["tokenizer"]!["vocab.txt"]);
    }

    [TestMethod]
    public void Loaded_model_scores_the_same_bits()
    {
        using var loaded = s_model.Load(s_model.Save());

        Scores.AssertEqual(s_model.Score(), s_model.Score(loaded));
    }

    [TestMethod]
    public void Model_loaded_by_ML_NET_scores_the_same_bits()
    {
        using var loaded = (PTuningV2Transformer)new MLContext().Model.Load(new MemoryStream(SaveByMLNet()), out var schema);

        Assert.AreEqual(s_model.Data.Schema.Count, schema.Count);
        Scores.AssertEqual(s_model.Score(), s_model.Score(loaded));
    }

    [TestMethod]
    public void Loaded_model_is_measured_the_same()
    {
        using var loaded = s_model.Load(s_model.Save());

        var (before, after) = (Evaluate(s_model.Transformer), Evaluate(loaded));

        Assert.AreEqual((before.LogLoss, before.MicroAccuracy, before.MacroAccuracy), (after.LogLoss, after.MicroAccuracy, after.MacroAccuracy));
    }

    [TestMethod]
    public void Loaded_model_tells_how_it_was_trained_and_on_what()
    {
        using var loaded = s_model.Load(s_model.Save());

        var (expected, actual) = (s_model.Transformer.Summary!, loaded.Summary!);
        Assert.AreEqual(Rest(expected), Rest(actual));
        Assert.HasCount(1, actual.Epochs);
        Assert.AreEqual(expected.Epochs[0].Loss, actual.Epochs[0].Loss, 1e-5 * expected.Epochs[0].Loss); // Six digits are kept.
        Assert.AreEqual((1, "accuracy"), (actual.Epochs[0].Epoch, actual.Epochs[0].MetricName));
        Assert.AreEqual(JsonSerializer.Serialize(s_model.Transformer.Backbone), JsonSerializer.Serialize(loaded.Backbone));
    }

    [TestMethod]
    public void Saving_a_loaded_model_gives_the_same_entries()
    {
        var zip = s_model.Save();
        using var loaded = s_model.Load(zip);
        using var again = new MemoryStream();
        loaded.SaveTo(again);

        CollectionAssert.AreEqual(ZipBytes.Read(zip, Tensors), ZipBytes.Read(again.ToArray(), Tensors));
        CollectionAssert.AreEqual(ZipBytes.Read(zip, Document), ZipBytes.Read(again.ToArray(), Document));
    }

    [TestMethod]
    public void Model_loaded_by_ML_NET_saves_the_same_entries_again()
    {
        var zip = SaveByMLNet();
        using var loaded = (PTuningV2Transformer)s_model.MLContext.Model.Load(new MemoryStream(zip), out var schema);
        using var again = new MemoryStream();
        s_model.MLContext.Model.Save(loaded, schema, again);

        foreach (var entry in new[] { Document, Tensors, "Model.key" })
            CollectionAssert.AreEqual(ZipBytes.Read(zip, entry), ZipBytes.Read(again.ToArray(), entry), entry);
    }

    [TestMethod]
    public void Streams_need_not_seek_and_stay_open()
    {
        using var compressed = new MemoryStream();
        using (var stream = new DeflateStream(compressed, CompressionMode.Compress, leaveOpen: true))
        {
            s_model.Transformer.SaveTo(stream);
            Assert.IsTrue(stream.CanWrite);
        }
        compressed.Position = 0;

        using var source = new DeflateStream(compressed, CompressionMode.Decompress);
        using var loaded = PTuningV2Transformer.LoadFrom(s_model.MLContext, source);

        Assert.IsTrue(source.CanRead);
        Scores.AssertEqual(s_model.Score(), s_model.Score(loaded));
    }

    [TestMethod]
    public void Trained_pooler_is_saved_with_the_model()
    {
        using var encoder = new TinyEncoder();
        var options = encoder.Options();
        options.Pooling = Pooling.Trained;
        using var model = s_model.MLContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(s_model.Data);
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        using var loaded = s_model.Load(stream.ToArray());

        var (header, _, _) = ReadHeader(ZipBytes.Read(stream.ToArray(), Tensors));
        CollectionAssert.AreEqual(
            new[] { "head.bias", "head.weight", "pooler.bias", "pooler.weight", "prefix" }, header.Select(t => t.Key).ToArray());
        Scores.AssertEqual(s_model.Score(model), s_model.Score(loaded));
    }

    [TestMethod]
    public void Half_precision_scores_within_a_hundredth()
    {
        using var loaded = s_model.Load(s_model.Save(halfPrecision: true));

        Scores.AssertEqual(s_model.Score(), s_model.Score(loaded), 1e-2f);
    }

    [TestMethod]
    public void Model_saved_with_a_loader_reads_its_data_again()
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllLines(folder.File("tickets.tsv"), s_model.Rows.Select(r => $"{r.Text}\t{r.Topic}"));
        var ml = s_model.MLContext;
        var loader = ml.Data.CreateTextLoader([new("Text", DataKind.String, 0), new("Topic", DataKind.String, 1)]);
        var data = loader.Load(folder.File("tickets.tsv"));
        using var chain = ml.Transforms.Conversion.MapValueToKey("Label", "Topic")
            .Append(ml.MulticlassClassification.Trainers.PTuningV2(s_model.Encoder.Options())).Fit(data);
        ml.Model.Save(chain, loader, folder.File("model.zip"));

        using var back = (TransformerChain<ITransformer>)new MLContext().Model.LoadWithDataLoader(folder.File("model.zip"), out var backLoader);
        var scored = back.Transform(backLoader.Load(new MultiFileSource(folder.File("tickets.tsv"))));

        Scores.AssertEqual(Scores.Read(ml, chain.Transform(data)), Scores.Read(ml, scored));
    }

    [TestMethod]
    public void Interrupted_saving_writes_a_zip_whose_end_is_missing_and_reports_the_streams_own_error()
    {
        using var stream = new FailingStream(capacity: 200);

        Assert.ThrowsExactly<IOException>(() => s_model.Transformer.SaveTo(stream));
        Assert.ThrowsExactly<FormatException>(() => s_model.Load(stream.Written));
        Assert.HasCount(24, s_model.Score()); // The model itself is as it was.
    }

    [TestMethod]
    public void Tensors_that_do_not_fit_half_precision_leave_the_stream_untouched()
    {
        using var loaded = LoadWith(1e6f);
        using var stream = new MemoryStream();

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => loaded.SaveTo(stream, halfPrecision: true));
        Assert.Contains("'head.bias' holds numbers beyond F16's", refusal.Message);
        Assert.AreEqual(0, stream.Length);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    [DataRow(2e18f)]
    [DataRow(-2e18f)]
    public void Numbers_that_no_training_ends_with_are_refused(float number)
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => LoadWith(number));

        Assert.Contains("'head.bias' holds", refusal.Message);
    }

    [TestMethod]
    [DataRow(1e18f)]
    [DataRow(-1e18f)]
    public void Numbers_up_to_the_limit_are_taken(float number) => LoadWith(number).Dispose();

    /// <summary>The model with another first number of the head's bias.</summary>
    private static PTuningV2Transformer LoadWith(float number)
    {
        var (_, dataStart, _) = ReadHeader(ZipBytes.Read(s_model.Save(), Tensors));
        var zip = ZipBytes.Change(s_model.Save(), Tensors, bytes =>
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(dataStart), number);
            return bytes;
        });
        return s_model.Load(ZipBytes.ChangeJson(zip, Document, document => document["tensorsHash"] = null));
    }

    private static string Rest(TrainingSummary summary)
    {
        var json = JsonSerializer.SerializeToNode(summary)!.AsObject();
        json.Remove(nameof(TrainingSummary.Epochs));
        return json.ToJsonString();
    }

    private static MulticlassClassificationMetrics Evaluate(PTuningV2Transformer transformer) =>
        s_model.MLContext.MulticlassClassification.Evaluate(transformer.Transform(s_model.Data));

    private static byte[] SaveByMLNet()
    {
        using var stream = new MemoryStream();
        s_model.MLContext.Model.Save(s_model.Transformer, s_model.Data.Schema, stream);
        return stream.ToArray();
    }

    private static JsonNode ReadDocument() => JsonNode.Parse(ZipBytes.Read(s_model.Save(), Document))!;

    private static (JsonObject Tensors, int DataStart, int Length) ReadHeader(byte[] file)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        return (JsonNode.Parse(Encoding.UTF8.GetString(file, 8, length))!.AsObject(), 8 + length, file.Length);
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static string Describe(string name, JsonNode tensor)
    {
        var (shape, offsets) = (tensor["shape"]!.AsArray(), tensor["data_offsets"]!.AsArray());
        return $"{name} {tensor["dtype"]} [{string.Join(',', shape)}] {offsets[0]}..{offsets[1]}";
    }

    /// <summary>A disk that is full after some bytes.</summary>
    private sealed class FailingStream(int capacity) : MemoryStream
    {
        public byte[] Written => ToArray();

        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, (int)Math.Min(count, capacity - Length));
            if (Length == capacity)
                throw new IOException("No space left.");
        }
    }
}
