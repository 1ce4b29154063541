using System.Text.Json;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Encoders;

[TestClass]
public sealed class BackboneReferenceTests
{
    private const string HashOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private static readonly BackboneReference Reference = new()
    {
        Kind = BackboneKind.Hub,
        Name = "google/bert",
        Directory = "/models/bert",
        Revision = "main",
        ModelType = "bert",
        HiddenSize = 256,
        Layers = 4,
        Heads = 8,
        VocabularySize = 3,
        FeedForwardSize = 1024,
        Activation = "gelu",
        MaxPositionEmbeddings = 512,
        LayerNormEpsilon = 1e-12,
        PadTokenId = 0,
        Weights = new() { ["model.safetensors"] = HashOfAbc },
        Tokenizer = new() { ["vocab.txt"] = HashOfAbc },
    };

    [TestMethod]
    public void As_JSON_it_is_this() =>
        Assert.AreEqual(
            $$$"""
            {"kind":"hub","name":"google/bert","directory":"/models/bert","revision":"main","modelType":"bert","hiddenSize":256,"layers":4,"heads":8,"vocabularySize":3,"feedForwardSize":1024,"activation":"gelu","maxPositionEmbeddings":512,"layerNormEpsilon":1E-12,"padTokenId":0,"weights":{"model.safetensors":"{{{HashOfAbc}}}"},"tokenizer":{"vocab.txt":"{{{HashOfAbc}}}"}}
            """,
            JsonSerializer.Serialize(Reference, Json));

    [TestMethod]
    public void It_comes_back_from_JSON()
    {
        var json = JsonSerializer.Serialize(Reference, Json);

        Assert.AreEqual(json, JsonSerializer.Serialize(JsonSerializer.Deserialize<BackboneReference>(json, Json), Json));
    }

    [TestMethod]
    [DataRow("\"modelType\":\"bert\",", "", "modelType")]
    [DataRow("{\"model.safetensors\":\"" + HashOfAbc + "\"}", "null", "weights")]
    [DataRow("{\"model.safetensors\":\"" + HashOfAbc + "\"}", "{}", "weights")]
    [DataRow("\"model.safetensors\":\"ba", "\"model.safetensors\":\"zz", "'model.safetensors'")]
    [DataRow("\"activation\":\"gelu\"", "\"activation\":null", "activation")]
    [DataRow("\"revision\":\"main\"", "\"revision\":\"../../elsewhere\"", "'../../elsewhere' as revision")]
    [DataRow("\"name\":\"google/bert\"", "\"name\":\"../bert\"", "'../bert' as name")]
    [DataRow("\"model.safetensors\":", "\"../model.safetensors\":", "a file '../model.safetensors'")]
    [DataRow("\"model.safetensors\":", "\"onnx/../../model.onnx\":", "a file 'onnx/../../model.onnx'")]
    [DataRow("\"model.safetensors\":", "\"/onnx/model.onnx\":", "a file '/onnx/model.onnx'")]
    [DataRow("\"vocab.txt\":", "\"share/vocab.txt\":", "a file 'share/vocab.txt'")]
    [DataRow("\"vocab.txt\":", "\"/etc/vocab.txt\":", "a file '/etc/vocab.txt'")]
    [DataRow("\"vocab.txt\":", "\"share\\\\vocab.txt\":", "a file 'share\\vocab.txt'")]
    public void JSON_with_a_fault_is_refused_by_the_name_of_what_is_wrong(string right, string wrong, string named)
    {
        var json = JsonSerializer.Serialize(Reference, Json).Replace(right, wrong, StringComparison.Ordinal);

        var error = Assert.ThrowsExactly<JsonException>(() => JsonSerializer.Deserialize<BackboneReference>(json, Json));

        StringAssert.Contains(error.Message, named);
    }

    [TestMethod]
    public void Weights_may_be_in_a_folder_below()
    {
        var json = JsonSerializer.Serialize(Reference, Json).Replace("model.safetensors", "onnx/model.onnx", StringComparison.Ordinal);

        Assert.AreEqual("onnx/model.onnx", JsonSerializer.Deserialize<BackboneReference>(json, Json)!.Weights.Keys.Single());
    }

    [TestMethod]
    public void It_records_numbers_and_hashes_of_the_files_named()
    {
        using var folder = new BackboneFolder();
        var directory = folder.Make("encoder", hiddenSize: 128, weights: "abc");

        var reference = folder.Reference(new(BackboneKind.Directory, "encoder", directory, null));

        Assert.AreEqual(128, reference.HiddenSize);
        Assert.AreEqual(HashOfAbc, reference.Weights["model.safetensors"]);
        Assert.HasCount(1, reference.Tokenizer);
    }

    [TestMethod]
    public void Every_number_that_differs_is_named()
    {
        using var folder = new BackboneFolder();
        var found = BackboneFolder.Read(folder.Make("encoder")) with
        {
            ModelType = "roberta", HiddenSize = 768, Layers = 12, Heads = 12, VocabularySize = 50265,
            FeedForwardSize = 3072, Activation = "relu", MaxPositionEmbeddings = 514, LayerNormEpsilon = 1e-5, PadTokenId = 1,
        };

        CollectionAssert.AreEqual(
            new[]
            {
                "model type roberta, expected bert", "hidden size 768, expected 256", "12 layers, expected 4", "12 heads, expected 8",
                "vocabulary of 50265, expected 3", "feed-forward size 3072, expected 1024", "activation relu, expected gelu",
                "514 positions, expected 512", "layer norm epsilon 1E-05, expected 1E-12", "padding token 1, expected 0",
            },
            Reference.Differences(found).ToArray());
    }
}
