using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>Files that were cut, changed or meant for something else: refused with the reason, and nothing left in native memory.</summary>
[TestClass]
[DoNotParallelize]
public class DamagedModelTests
{
    private const string Document = "Prompt.json", Tensors = "Prompt.safetensors";
    private static TinyModel s_model = null!;
    private static byte[] s_zip = [];

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_model = new TinyModel();
        s_zip = s_model.Save();
    }

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    [DataRow(0)]
    [DataRow(100)]
    [DataRow(-1)]
    public void Truncated_zip_is_refused(int length) =>
        Refuses<FormatException>(s_zip[..(length < 0 ? s_zip.Length + length : length)], "'the stream' holds no readable zip", "PTuningV2Transformer.SaveTo");

    [TestMethod]
    public void File_of_another_kind_is_refused() =>
        Refuses<FormatException>(Encoding.UTF8.GetBytes("text\tlabel\n"), "'the stream' holds no readable zip");

    [TestMethod]
    public void Foreign_zip_is_refused_with_its_entries()
    {
        var foreign = ZipBytes.Change(ZipBytes.Change(s_zip, Document, _ => null), Tensors, bytes => bytes);

        Refuses<FormatException>(foreign, "'the stream': the zip has no entry 'Prompt.json' at its root; it has: Prompt.safetensors.");
    }

    [TestMethod]
    public void Zip_without_tensors_is_refused() =>
        Refuses<FormatException>(
            ZipBytes.Change(s_zip, Tensors, _ => null), "'the stream': the zip has no entry 'Prompt.safetensors' at its root; it has: Prompt.json.");

    [TestMethod]
    public void Zip_of_ML_NET_is_refused_with_the_way_to_read_it() =>
        Refuses<FormatException>(SaveByMLNet(), "'the stream': the zip has no entry 'Prompt.json' at its root", "is read by mlContext.Model.Load");

    [TestMethod]
    public void Later_format_version_is_refused_whatever_else_it_says() =>
        Refuses<FormatException>(
            ZipBytes.Change(s_zip, Document, _ => """{ "formatVersion": 2, "task": { "kind": "something-new" } }"""u8.ToArray()),
            "'the stream: Prompt.json' has format version 2; this version of the library reads up to 1. Use a later one.");

    [TestMethod]
    [DataRow("not json")]
    [DataRow("null")]
    [DataRow("[]")]
    [DataRow("{}")]
    [DataRow("{ \"formatVersion\": 1 }")]
    [DataRow("{ \"formatVersion\": 1, \"task\": null, \"method\": null, \"backbone\": null }")]
    public void Document_that_is_none_is_refused(string json) =>
        Refuses<FormatException>(ZipBytes.Change(s_zip, Document, _ => Encoding.UTF8.GetBytes(json)), "'the stream: Prompt.json' does not describe a prompt model");

    [TestMethod]
    [DataRow("task.maxLength", "0", "maxLength is 0; expected 1 or more")]
    [DataRow("task.sentence1ColumnName", "null", "columns has no name")]
    [DataRow("task.scoreColumnName", "\"\"", "columns has no name")]
    [DataRow("task.labels", "null", "The task has 0 classes; expected at least two.")]
    [DataRow("task.labels.count", "4", "names 3 label values for 4 classes")]
    [DataRow("task.labels.itemType", "\"DateTime\"", "Label values of type 'DateTime' are not known")]
    [DataRow("task.labels.itemType", "\"Single\"", "The label value 'billing' is no Single.")]
    [DataRow("method.prefixLength", "-1", "prefixLength is -1")]
    [DataRow("method.prefixLength", "0", "prefixLength is 0")]
    [DataRow("method.positionOffset", "\"sideways\"", "positionOffset")]
    [DataRow("training.epochs", "{\"loss\": [1]}", "The epochs need metricName, loss and metric")]
    [DataRow("training.epochs.loss", "[1, 2]", "The columns of the epochs are not all 2 long.")]
    [DataRow("backbone.weights", "{}", "A backbone reference needs")]
    public void Tampered_document_is_refused_with_what_is_wrong(string path, string value, string reason) =>
        Refuses<FormatException>(Tamper(path, value), "'the stream: Prompt.json' does not describe a prompt model", reason);

    [TestMethod]
    [DataRow("\"soft-thinking\"", "soft-thinking")]
    [DataRow("5", "5")]
    public void Method_that_is_not_known_is_refused_by_name(string kind, string name) => Refuses<FormatException>(
        Tamper("method.kind", kind),
        $"'the stream: Prompt.json' was trained by the method '{name}', expected one of p-tuning-v2, linear-probe");

    [TestMethod]
    public void Task_that_is_not_known_is_refused_by_name() => Refuses<FormatException>(
        Tamper("task.kind", "\"fortune-telling\""),
        "'the stream: Prompt.json' has learned the task 'fortune-telling', expected one of multiclass-classification, binary-classification");

    [TestMethod]
    public void Longer_texts_than_the_backbone_has_positions_for_are_refused() =>
        Refuses<InvalidDataException>(Tamper("task.maxLength", "14"), "PrefixLength 3 and MaxLength 14 together exceed the 16 positions");

    [TestMethod]
    [DataRow("method.prefixLength", "4", "'prefix' is F32 [3, 3, 2, 2, 4], expected F32 [4, 3, 2, 2, 4]")]
    [DataRow("method.kind", "\"linear-probe\"", "'prefix' is unexpected")]
    [DataRow("method.prefixLayers", "2", "'prefix' is F32 [3, 3, 2, 2, 4], expected F32 [3, 2, 2, 2, 4]")]
    [DataRow("task.labels", "{\"count\": 5}", "'head.weight' is F32 [3, 8], expected F32 [5, 8]")]
    public void Document_that_does_not_fit_the_tensors_is_refused(string path, string value, string reason) =>
        Refuses<InvalidDataException>(Tamper(path, value), "'the stream: Prompt.safetensors' does not fit the task and the backbone", reason);

    [TestMethod]
    [DataRow("\"head.bias\"", "\"head.vias\"", "'head.bias' [3] is missing; 'head.vias' is unexpected")]
    [DataRow("[3,8]", "[8,3]", "'head.weight' is F32 [8, 3], expected F32 [3, 8]")]
    [DataRow("\"F32\",\"shape\":[3]", "\"I32\",\"shape\":[3]", "'head.bias' is I32 [3], expected F32 [3]")]
    public void Tampered_tensor_header_is_refused_by_the_tensors_name(string text, string replacement, string reason)
    {
        var zip = ZipBytes.Change(s_zip, Tensors, bytes => Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(bytes).Replace(text, replacement)));

        Refuses<InvalidDataException>(zip, "'the stream: Prompt.safetensors' does not fit the task and the backbone", reason);
    }

    [TestMethod]
    public void Tensors_cut_short_are_refused() =>
        Refuses<InvalidDataException>(ZipBytes.Change(s_zip, Tensors, bytes => bytes[..^4]), "'the stream: Prompt.safetensors' cannot be read as safetensors", "'prefix'");

    [TestMethod]
    public void Tampered_numbers_are_refused()
    {
        var zip = ZipBytes.Change(s_zip, Tensors, bytes =>
        {
            bytes[^1] ^= 1;
            return bytes;
        });

        Refuses<InvalidDataException>(zip, "'the stream: Prompt.safetensors' has SHA-256", "The file was damaged, or changed, or mixed up with another model's");
    }

    [TestMethod]
    public void No_single_changed_byte_gives_other_scores_or_another_kind_of_error()
    {
        var expected = s_model.Score();
        for (var at = 0; at < s_zip.Length; at += 17)
        {
            var zip = s_zip.ToArray();
            zip[at] ^= 0x10;
            try
            {
                using var loaded = s_model.Load(zip);
                if (loaded.GetOutputSchema(s_model.Data.Schema).GetColumnOrNull("Score") is not null)
                    Scores.AssertEqual(expected, s_model.Score(loaded));
            }
            catch (Exception e) when (e is FormatException or InvalidDataException or DirectoryNotFoundException)
            {
                Assert.IsGreaterThan(20, e.Message.Length);
            }
        }
    }

    [TestMethod]
    public void Model_of_ML_NET_without_one_of_our_entries_is_refused_by_its_name()
    {
        var zip = ZipBytes.Change(SaveByMLNet(), Tensors, _ => null);

        Assert.Contains("The model has no entry 'Prompt.safetensors': its zip is incomplete.", RefusalOfMLNet<FormatException>(zip).Message);
    }

    [TestMethod]
    public void Model_of_ML_NET_with_tampered_numbers_is_refused()
    {
        var zip = ZipBytes.Change(SaveByMLNet(), Tensors, bytes =>
        {
            bytes[^1] ^= 1;
            return bytes;
        });

        Assert.Contains("'the model: Prompt.safetensors' has SHA-256", RefusalOfMLNet<InvalidDataException>(zip).Message);
    }

    [TestMethod]
    public void Truncated_zip_of_ML_NET_is_refused()
    {
        var zip = SaveByMLNet()[..^10];

        Assert.Throws<Exception>(() => s_model.MLContext.Model.Load(new MemoryStream(zip), out _));
    }

    private static byte[] Tamper(string path, string value) => ZipBytes.ChangeJson(s_zip, Document, document =>
    {
        var names = path.Split('.');
        var parent = names[..^1].Aggregate(document, (node, name) => node[name]!);
        Assert.IsTrue(parent.AsObject().ContainsKey(names[^1]), path);
        parent[names[^1]] = JsonNode.Parse(value);
    });

    private static byte[] SaveByMLNet()
    {
        using var stream = new MemoryStream();
        s_model.MLContext.Model.Save(s_model.Transformer, s_model.Data.Schema, stream);
        return stream.ToArray();
    }

    private static void Refuses<TException>(byte[] zip, params string[] message)
        where TException : Exception
    {
        var before = LiveTensors.CountSettled();

        var refusal = Assert.ThrowsExactly<TException>(() => s_model.Load(zip));

        foreach (var part in message)
            Assert.Contains(part, refusal.Message);
        Assert.AreEqual(before, LiveTensors.Count);
    }

    /// <summary>ML.NET makes loaded objects by reflection, so that its caller finds our refusal inside.</summary>
    private static TException RefusalOfMLNet<TException>(byte[] zip)
        where TException : Exception
    {
        var before = LiveTensors.CountSettled();

        var refusal = Assert.ThrowsExactly<TargetInvocationException>(() => s_model.MLContext.Model.Load(new MemoryStream(zip), out _));

        Assert.AreEqual(before, LiveTensors.Count);
        return Assert.IsInstanceOfType<TException>(refusal.InnerException);
    }
}
