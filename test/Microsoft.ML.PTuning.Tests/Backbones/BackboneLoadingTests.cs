using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Checkpoints;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

[TestClass]
public sealed class BackboneLoadingTests
{
    private readonly Draw _draw = new();

    [TestMethod]
    public void Load_names_every_tensor_that_is_missing_unexpected_or_of_another_shape_or_type()
    {
        using var checkpoint = new TinyCheckpoint();
        var tensors = checkpoint.Tensors;
        tensors.Remove("bert.encoder.layer.0.attention.self.query.weight");
        tensors.Remove("bert.encoder.layer.2.output.dense.bias");
        tensors["bert.encoder.layer.3.output.dense.bias"] = zeros(8);
        tensors["surprise"] = zeros(2, 2);
        tensors["bert.embeddings.word_embeddings.weight"] = zeros(31, 8);
        tensors["bert.embeddings.LayerNorm.bias"] = zeros(8, 1);
        checkpoint.Save();

        var message = Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load).Message;

        string[] faults =
        [
            "missing: bert.encoder.layer.0.attention.self.query.weight, [8, 8]",
            "missing: bert.encoder.layer.2.output.dense.bias, [8]",
            "unexpected: bert.encoder.layer.3.output.dense.bias, F32 [8]",
            "unexpected: surprise, F32 [2, 2]",
            "wrong shape: bert.embeddings.word_embeddings.weight is [31, 8], expected [30, 8]",
            "wrong shape: bert.embeddings.LayerNorm.bias is [8, 1], expected [8]",
        ];
        StringAssert.Contains(message, checkpoint.WeightsPath);
        foreach (var fault in faults)
            StringAssert.Contains(message, fault);
        Assert.AreEqual(faults.Length, message.Split('\n').Count(line => line.StartsWith("  ", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Load_refuses_weights_that_are_integers()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        var bytes = File.ReadAllBytes(checkpoint.WeightsPath);
        var key = "\"bert.embeddings.word_embeddings.weight\":{\"dtype\":\""u8;
        "I32"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf(key) + key.Length));
        File.WriteAllBytes(checkpoint.WeightsPath, bytes);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load);

        StringAssert.Contains(refusal.Message, "wrong type: bert.embeddings.word_embeddings.weight is I32 [30, 8], expected one of F32, F16, BF16");
    }

    [TestMethod]
    public void Load_refuses_a_tensor_that_stands_under_two_spellings()
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Tensors["embeddings.LayerNorm.gamma"] = zeros(8);
        checkpoint.Save();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load);

        StringAssert.Contains(refusal.Message, "twice: bert.embeddings.LayerNorm.weight and embeddings.LayerNorm.gamma");
    }

    [TestMethod]
    public void Load_refuses_a_weight_file_that_is_cut_short()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        File.WriteAllBytes(checkpoint.WeightsPath, File.ReadAllBytes(checkpoint.WeightsPath)[..^100]);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load);

        StringAssert.Contains(refusal.Message, "cut short or damaged");
    }

    [TestMethod]
    public void Load_accepts_heads_and_buffers_that_published_checkpoints_carry()
    {
        using var checkpoint = new TinyCheckpoint();
        foreach (var extra in (string[])
            ["cls.predictions.bias", "cls.seq_relationship.weight", "score.weight", "classifier.weight", "qa_outputs.bias",
             "bert.embeddings.position_ids", "bert.embeddings.token_type_ids"])
            checkpoint.Tensors[extra] = zeros(3);
        checkpoint.Save();

        using var backbone = checkpoint.Load();

        Assert.AreEqual(3, backbone.Configuration.Layers);
    }

    [TestMethod]
    [DataRow("bert", "bert.")]
    [DataRow("bert", "")]
    [DataRow("roberta", "roberta.")]
    [DataRow("roberta", "")]
    public void Load_accepts_keys_with_and_without_the_models_prefix(string modelType, string prefix)
    {
        using var checkpoint = new TinyCheckpoint(modelType, prefix).Save();

        using var backbone = checkpoint.Load();

        Assert.IsTrue(backbone.HasPooler);
    }

    [TestMethod]
    public void Load_reads_gamma_and_beta_as_weight_and_bias()
    {
        using var scope = NewDisposeScope();
        using var modern = new TinyCheckpoint().Save();
        using var old = new TinyCheckpoint();
        foreach (var key in modern.Tensors.Keys.Where(key => key.Contains("LayerNorm", StringComparison.Ordinal)))
        {
            old.Tensors.Remove(key, out var tensor);
            old.Tensors[key.Replace(".weight", ".gamma", StringComparison.Ordinal).Replace(".bias", ".beta", StringComparison.Ordinal)] = tensor!;
        }

        using var expected = modern.Load();
        using var actual = old.Save().Load();

        var batch = Batch();
        Numbers.AreClose(expected.Forward(batch), actual.Forward(batch), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void Load_takes_a_checkpoint_without_a_pooler()
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Tensors.Remove("bert.pooler.dense.weight");
        checkpoint.Tensors.Remove("bert.pooler.dense.bias");

        using var backbone = checkpoint.Save().Load();

        Assert.IsFalse(backbone.HasPooler);
    }

    [TestMethod]
    public void Load_refuses_half_a_pooler()
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Tensors.Remove("bert.pooler.dense.bias");
        checkpoint.Save();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load);

        StringAssert.Contains(refusal.Message, "missing: bert.pooler.dense.bias, [8]");
    }

    [TestMethod]
    public void Load_turns_F16_weights_into_F32()
    {
        using var scope = NewDisposeScope();
        using var exact = new TinyCheckpoint();
        foreach (var (key, tensor) in exact.Tensors)
            exact.Tensors[key] = tensor.half().@float();
        using var half = new TinyCheckpoint().Save(SafetensorsStorage.F16);

        using var expected = exact.Save().Load();
        using var actual = half.Load();

        var batch = Batch();
        Numbers.AreClose(expected.Forward(batch), actual.Forward(batch), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void Load_turns_BF16_weights_into_F32()
    {
        using var scope = NewDisposeScope();
        using var exact = new TinyCheckpoint();
        foreach (var (key, tensor) in exact.Tensors)
            exact.Tensors[key] = tensor.bfloat16().@float();
        using var half = new TinyCheckpoint();
        File.WriteAllBytes(half.WeightsPath, AsBF16(File.ReadAllBytes(exact.Save().WeightsPath)));

        using var expected = exact.Load();
        using var actual = half.Load();

        var batch = Batch();
        Numbers.AreClose(expected.Forward(batch), actual.Forward(batch), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void Load_inside_inference_mode_gives_weights_that_training_can_use()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        Backbone backbone;
        using (inference_mode())
            backbone = checkpoint.Load();

        using (backbone)
        {
            var prefix = _draw.Normal(2, 2, 4).requires_grad_();
            backbone.Forward(Batch(), [new(prefix, prefix), null, null]).sum().backward();
            Assert.IsNotNull(prefix.grad);
        }
    }

    [TestMethod]
    [DoNotParallelize]
    [DataRow(WrittenFormats.Safetensors)]
    [DataRow(WrittenFormats.Torch)]
    public void Load_maps_F32_weights_instead_of_copying_them(string format)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("Private memory is read from /proc, which only Linux has.");

        const int vocabulary = 3_000_000; // 96 MB of word vectors
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Configuration["vocab_size"] = vocabulary;
        checkpoint.SaveConfiguration();
        using (var words = zeros(vocabulary, 8))
        {
            checkpoint.Tensors["bert.embeddings.word_embeddings.weight"] = words;
            checkpoint.SaveAs(format);
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        var before = PrivateMegabytes();
        using var backbone = checkpoint.Load();
        using var hidden = backbone.Forward(Batch());

        Assert.IsLessThan(before + 20, PrivateMegabytes());
    }

    [TestMethod]
    [DoNotParallelize]
    public void Dispose_frees_every_tensor()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        var before = LiveTensors.CountSettled();

        checkpoint.Load().Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    [DoNotParallelize]
    public void A_refused_checkpoint_leaves_no_tensor_behind()
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Tensors["surprise"] = zeros(1);
        checkpoint.Save();
        var before = LiveTensors.CountSettled();

        Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void The_weights_outlive_the_dispose_scope_they_were_loaded_in()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        Backbone backbone;
        using (NewDisposeScope())
            backbone = checkpoint.Load();

        using (backbone)
        using (var hidden = backbone.Forward(Batch()))
            CollectionAssert.AreEqual(new long[] { 1, 3, 8 }, hidden.shape);
    }

    private static EncodedBatch Batch()
    {
        var ids = tensor(new long[,] { { 2, 5, 3 } });
        return new EncodedBatch(ids, zeros_like(ids), Mask: null);
    }

    /// <summary>The same file with the upper two bytes of each number.</summary>
    private static byte[] AsBF16(byte[] f32)
    {
        var dataStart = 8 + (int)BitConverter.ToInt64(f32);
        var header = JsonNode.Parse(f32.AsSpan(8, dataStart - 8))!.AsObject();
        foreach (var entry in header.Select(pair => pair.Value!.AsObject()))
        {
            entry["dtype"] = "BF16";
            entry["data_offsets"] = new JsonArray([.. entry["data_offsets"]!.AsArray().Select(offset => (JsonNode)(offset!.GetValue<long>() / 2))]);
        }

        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. f32[dataStart..].Chunk(4).SelectMany(number => number[2..])];
    }

    /// <summary>From a line like <c>RssAnon:     81234 kB</c>.</summary>
    private static long PrivateMegabytes()
    {
        var line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }
}
