using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class CheckpointFilesTests
{
    private static readonly string[] Order =
    [
        WrittenFormats.Safetensors, WrittenFormats.ShardedSafetensors, WrittenFormats.Torch, WrittenFormats.ShardedTorch,
        WrittenFormats.Onnx, WrittenFormats.OnnxInFolder, WrittenFormats.TrainingState,
    ];

    public static IEnumerable<object[]> Formats => Order.Select(format => new object[] { format });

    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void An_encoder_gives_the_same_bits_from_every_format(string format)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var expected = checkpoint.Load();
        using var other = new TinyCheckpoint();
        other.SaveAs(format);
        using var actual = other.Load();

        var ids = tensor(new long[,] { { 2, 5, 3 } });
        var batch = new EncodedBatch(ids, zeros_like(ids), Mask: null);
        Numbers.AreClose(expected.Forward(batch), actual.Forward(batch), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void The_first_format_that_is_there_is_read()
    {
        using var checkpoint = new TinyCheckpoint();
        foreach (var format in Order)
            checkpoint.SaveAs(format);

        var found = new List<string>();
        while (CheckpointFiles.TryFind(checkpoint.Path) is { } files)
        {
            found.Add(files.Names[0]);
            File.Delete(Path.Combine(checkpoint.Path, files.Names[0]));
        }

        CollectionAssert.AreEqual(Order, found);
    }

    [TestMethod]
    public void A_folder_without_weights_is_refused_with_what_is_read_and_what_it_holds()
    {
        using var checkpoint = new TinyCheckpoint();
        File.WriteAllText(Path.Combine(checkpoint.Path, "tf_model.h5"), "");

        var refusal = Assert.ThrowsExactly<FileNotFoundException>(checkpoint.Load);

        StringAssert.Contains(
            refusal.Message,
            "expected model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json, "
            + "model.onnx, onnx/model.onnx or mp_rank_00_model_states.pt; it holds: config.json, tf_model.h5.");
    }

    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void The_reference_records_every_file_that_was_read(string format)
    {
        using var checkpoint = WithVocabulary(new());
        var files = checkpoint.SaveAs(format);

        CollectionAssert.AreEqual(files, Release(BackboneLibrary.Open(checkpoint.Path, CPU)).Weights.Keys);
    }

    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void A_saved_model_finds_its_encoder_again_in_another_folder(string format)
    {
        using var trained = WithVocabulary(new());
        trained.SaveAs(format);
        var reference = Release(BackboneLibrary.Open(trained.Path, CPU));
        using var moved = WithVocabulary(new());
        moved.SaveAs(format);

        Assert.AreEqual(moved.Path, BackboneLibrary.Find(reference with { Directory = null }, moved.Path).Directory);
    }

    [TestMethod]
    [DataRow(WrittenFormats.ShardedSafetensors)]
    [DataRow(WrittenFormats.ShardedTorch)]
    public void An_index_that_changed_is_another_encoder(string format)
    {
        using var checkpoint = WithVocabulary(new());
        checkpoint.SaveAs(format);
        var reference = Release(BackboneLibrary.Open(checkpoint.Path, CPU));
        File.AppendAllText(Path.Combine(checkpoint.Path, format), "\n");

        var refusal = Assert.ThrowsExactly<DirectoryNotFoundException>(() => BackboneLibrary.Find(reference, null));

        StringAssert.Contains(refusal.Message, $"{format} has SHA-256");
    }

    [TestMethod]
    public void Weights_beside_an_ONNX_file_that_changed_are_another_encoder()
    {
        using var checkpoint = WithVocabulary(new());
        var files = checkpoint.SaveAs(WrittenFormats.OnnxInFolder);
        var reference = Release(BackboneLibrary.Open(checkpoint.Path, CPU));
        File.AppendAllText(Path.Combine(checkpoint.Path, files[1]), "\n");

        var refusal = Assert.ThrowsExactly<DirectoryNotFoundException>(() => BackboneLibrary.Find(reference, null));

        StringAssert.Contains(refusal.Message, "onnx/model.onnx_data has SHA-256");
    }

    [TestMethod]
    public void An_ONNX_file_of_another_name_is_named()
    {
        using var checkpoint = new TinyCheckpoint();
        Directory.CreateDirectory(Path.Combine(checkpoint.Path, "onnx"));
        File.WriteAllText(Path.Combine(checkpoint.Path, "onnx/model_quantized.onnx"), "");

        var refusal = Assert.ThrowsExactly<FileNotFoundException>(checkpoint.Load);

        StringAssert.Contains(refusal.Message, "it holds: config.json, onnx/model_quantized.onnx.");
        StringAssert.Contains(refusal.Message, "of several ONNX files, call the one that is meant model.onnx.");
    }

    [TestMethod]
    public void Weights_that_would_be_read_instead_of_those_at_training_are_another_encoder()
    {
        using var checkpoint = WithVocabulary(new());
        checkpoint.SaveAs(WrittenFormats.Torch);
        var reference = Release(BackboneLibrary.Open(checkpoint.Path, CPU));
        checkpoint.SaveAs(WrittenFormats.Safetensors);

        var refusal = Assert.ThrowsExactly<DirectoryNotFoundException>(() => BackboneLibrary.Find(reference, null));

        StringAssert.Contains(refusal.Message, "model.safetensors, which the weights would be read from, was not there at training");
    }

    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void Files_that_changed_are_loaded_again(string format)
    {
        using var checkpoint = WithVocabulary(new());
        var file = checkpoint.SaveAs(format)[0];
        using var one = BackboneLibrary.Open(checkpoint.Path, CPU).Lease;
        File.SetLastWriteTimeUtc(Path.Combine(checkpoint.Path, file), DateTime.UtcNow.AddHours(1));

        using var two = BackboneLibrary.Open(checkpoint.Path, CPU).Lease;

        Assert.AreNotSame(one.Backbone, two.Backbone);
    }

    [TestMethod]
    [DoNotParallelize]
    [DynamicData(nameof(Formats))]
    public void A_checkpoint_leaves_no_tensor_behind_whether_it_is_loaded_or_refused(string format)
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.SaveAs(format);
        using var refused = new TinyCheckpoint();
        refused.Tensors["surprise.weight"] = zeros(1);
        refused.SaveAs(format);
        var before = LiveTensors.CountSettled();

        checkpoint.Load().Dispose();
        Assert.ThrowsExactly<InvalidDataException>(refused.Load);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    [DataRow("bert", "cls.seq_relationship.weight")]
    [DataRow("roberta", "lm_head.decoder.weight")]
    [DataRow("electra", "discriminator_predictions.dense.weight")]
    [DataRow("electra", "generator_predictions.LayerNorm.weight")]
    [DataRow("electra", "generator_lm_head.bias")]
    [DataRow("albert", "predictions.bias")]
    [DataRow("albert", "sop_classifier.classifier.weight")]
    [DataRow("distilbert", "vocab_transform.weight")]
    [DataRow("distilbert", "vocab_layer_norm.bias")]
    [DataRow("distilbert", "vocab_projector.bias")]
    [DataRow("distilbert", "pre_classifier.weight")]
    [DataRow("albert", "embeddings.position_ids")]
    public void Heads_and_buffers_of_the_family_are_no_fault(string family, string extra)
    {
        using var checkpoint = new TinyCheckpoint(family);
        checkpoint.Tensors[extra] = zeros(3);

        using var backbone = checkpoint.Save().Load();

        Assert.AreEqual(3, backbone.Configuration.Layers);
    }

    [TestMethod]
    public void A_head_of_another_family_is_a_fault()
    {
        using var checkpoint = new TinyCheckpoint("bert");
        checkpoint.Tensors["vocab_transform.weight"] = zeros(8, 8);
        checkpoint.Save();

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load).Message, "unexpected: vocab_transform.weight, F32 [8, 8]");
    }

    [TestMethod]
    [DataRow("generator.embeddings.word_embeddings.weight")]
    [DataRow("discriminator.embeddings.word_embeddings.weight")]
    public void Another_encoder_in_the_same_file_is_a_fault(string key)
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Tensors[key] = zeros(30, 8);
        checkpoint.Save();

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(checkpoint.Load).Message, $"unexpected: {key}, F32 [30, 8]");
    }

    private static TinyCheckpoint WithVocabulary(TinyCheckpoint checkpoint)
    {
        File.WriteAllLines(Path.Combine(checkpoint.Path, "vocab.txt"), [.. TokenizerFolder.BertTokens, "a"]);
        return checkpoint;
    }

    private static BackboneReference Release(OpenBackbone open)
    {
        open.Lease.Dispose();
        return open.Reference;
    }
}
