using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Tests.Backbones;

[TestClass]
public sealed class BackboneConfigurationTests
{
    [TestMethod]
    public void Read_gives_the_numbers_of_the_file()
    {
        using var checkpoint = new TinyCheckpoint();

        var expected = new BackboneConfiguration
        {
            ModelType = "bert", VocabularySize = 30, HiddenSize = 8, Layers = 3, Heads = 2, FeedForwardSize = 12, Activation = "gelu",
            MaxPositionEmbeddings = 16, SegmentTypes = 2, LayerNormEpsilon = 1e-5, PadTokenId = 0, StatesPadToken = true,
        };
        Assert.AreEqual(expected, BackboneConfiguration.Read(checkpoint.Path));
    }

    [TestMethod]
    public void Read_names_every_key_that_is_missing_or_odd()
    {
        var message = Refusal(configuration =>
        {
            configuration.Remove("vocab_size");
            configuration["hidden_size"] = "8";
            configuration["num_hidden_layers"] = 0;
            configuration["layer_norm_eps"] = -1;
            configuration["hidden_act"] = "swish";
        });

        StringAssert.Contains(message, "config.json'");
        StringAssert.Contains(message, "vocab_size is missing");
        StringAssert.Contains(message, "hidden_size is \"8\", expected a whole number from 1");
        StringAssert.Contains(message, "num_hidden_layers is 0, expected a whole number from 1");
        StringAssert.Contains(message, "layer_norm_eps is -1, expected a number above 0");
        StringAssert.Contains(message, "hidden_act is \"swish\", expected one of gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu");
    }

    [TestMethod]
    public void Read_refuses_a_family_that_is_not_supported_and_lists_those_that_are() =>
        StringAssert.Contains(Refusal(configuration => configuration["model_type"] = "t5"), "model_type is \"t5\", expected one of bert, roberta");

    [TestMethod]
    public void Read_refuses_a_file_that_names_no_family() =>
        StringAssert.Contains(Refusal(configuration => configuration.Remove("model_type")), "model_type is missing, expected one of bert, roberta");

    [TestMethod]
    [DataRow("position_embedding_type", "\"relative_key\"", "position_embedding_type is \"relative_key\", expected one of absolute")]
    [DataRow("is_decoder", "true", "is_decoder is true, expected false")]
    [DataRow("add_cross_attention", "true", "add_cross_attention is true, expected false")]
    [DataRow("num_attention_heads", "3", "hidden_size 8 is not a multiple of num_attention_heads 3")]
    [DataRow("pad_token_id", "30", "pad_token_id 30 lies beyond vocab_size 30")]
    [DataRow("intermediate_size", "12.5", "intermediate_size is 12.5, expected a whole number from 1")]
    public void Read_refuses_what_is_not_supported(string key, string value, string reason) =>
        StringAssert.Contains(Refusal(configuration => configuration[key] = JsonNode.Parse(value)), reason);

    [TestMethod]
    [DataRow("bert", 0)]
    [DataRow("roberta", 1)]
    public void Read_takes_for_granted_what_transformers_does(string modelType, int padTokenId)
    {
        using var checkpoint = new TinyCheckpoint(modelType);
        checkpoint.Configuration.Remove("layer_norm_eps");
        checkpoint.Configuration["pad_token_id"] = null;
        checkpoint.SaveConfiguration();

        var configuration = BackboneConfiguration.Read(checkpoint.Path);

        Assert.AreEqual(1e-12, configuration.LayerNormEpsilon);
        Assert.AreEqual(padTokenId, configuration.PadTokenId);
    }

    [TestMethod]
    public void Read_refuses_a_directory_without_a_configuration()
    {
        using var directory = new TemporaryDirectory();

        var refusal = Assert.ThrowsExactly<FileNotFoundException>(() => BackboneConfiguration.Read(directory.Path));

        StringAssert.Contains(refusal.Message, directory.File("config.json"));
    }

    [TestMethod]
    [DataRow("{", "is not JSON")]
    [DataRow("[1]", "holds a JSON Array, expected an object")]
    public void Read_refuses_a_file_that_is_no_JSON_object(string content, string reason)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("config.json"), content);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(directory.Path));

        StringAssert.Contains(refusal.Message, reason);
    }

    private static string Refusal(Action<JsonObject> bend)
    {
        using var checkpoint = new TinyCheckpoint();
        bend(checkpoint.Configuration);
        checkpoint.SaveConfiguration();
        return Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(checkpoint.Path)).Message;
    }
}
