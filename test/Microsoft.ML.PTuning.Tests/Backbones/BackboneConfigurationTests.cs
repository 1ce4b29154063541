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
            ModelType = "bert", VocabularySize = 30, HiddenSize = 8, EmbeddingSize = 8, Layers = 3, Heads = 2, FeedForwardSize = 12, Activation = "gelu",
            MaxPositionEmbeddings = 16, SegmentTypes = 2, LayerNormEpsilon = 1e-5, PadTokenId = 0, StatesPadToken = true,
        };
        Assert.AreEqual(expected, BackboneConfiguration.Read(checkpoint.Path));
    }

    [TestMethod]
    [DataRow("electra")]
    [DataRow("albert")]
    public void Read_gives_the_embeddings_a_size_of_their_own(string modelType)
    {
        using var checkpoint = new TinyCheckpoint(modelType);

        Assert.AreEqual(6, BackboneConfiguration.Read(checkpoint.Path).EmbeddingSize);
    }

    [TestMethod]
    [DataRow("electra")]
    [DataRow("albert")]
    public void Read_misses_the_embeddings_size_of_families_that_have_one(string modelType) =>
        StringAssert.Contains(Refusal(configuration => configuration.Remove("embedding_size"), modelType), "embedding_size is missing");

    [TestMethod]
    public void Read_knows_DistilBERTs_own_keys()
    {
        using var checkpoint = new TinyCheckpoint("distilbert");

        var expected = new BackboneConfiguration
        {
            ModelType = "distilbert", VocabularySize = 30, HiddenSize = 8, EmbeddingSize = 8, Layers = 3, Heads = 2, FeedForwardSize = 12,
            Activation = "gelu", MaxPositionEmbeddings = 16, SegmentTypes = 0, LayerNormEpsilon = 1e-12, PadTokenId = 0, StatesPadToken = true,
        };
        Assert.AreEqual(expected, BackboneConfiguration.Read(checkpoint.Path));
    }

    [TestMethod]
    public void Read_names_DistilBERTs_own_keys_where_they_are_missing()
    {
        string[] keys = ["vocab_size", "dim", "n_layers", "n_heads", "hidden_dim", "activation", "max_position_embeddings"];

        var message = Refusal(configuration => Array.ForEach(keys, key => configuration.Remove(key)), "distilbert");

        foreach (var key in keys)
            StringAssert.Contains(message, $"\n  {key} is missing");
    }

    [TestMethod]
    [DataRow("num_hidden_groups")]
    [DataRow("inner_group_num")]
    public void Read_refuses_an_ALBERT_whose_layers_are_not_one(string key) =>
        StringAssert.Contains(Refusal(configuration => configuration[key] = 2, "albert"), $"{key} is 2, expected 1");

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
    [DataRow("num_attention_heads", "3", "the hidden size 8 is not a multiple of the 3 attention heads")]
    [DataRow("pad_token_id", "30", "pad_token_id 30 lies beyond vocab_size 30")]
    [DataRow("intermediate_size", "12.5", "intermediate_size is 12.5, expected a whole number from 1")]
    public void Read_refuses_what_is_not_supported(string key, string value, string reason) =>
        StringAssert.Contains(Refusal(configuration => configuration[key] = JsonNode.Parse(value)), reason);

    [TestMethod]
    [DataRow("bert", 0)]
    [DataRow("roberta", 1)]
    [DataRow("xlm-roberta", 1)]
    [DataRow("electra", 0)]
    [DataRow("distilbert", 0)]
    [DataRow("albert", 0)]
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

    private static string Refusal(Action<JsonObject> bend, string modelType = "bert")
    {
        using var checkpoint = new TinyCheckpoint(modelType);
        bend(checkpoint.Configuration);
        checkpoint.SaveConfiguration();
        return Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(checkpoint.Path)).Message;
    }
}
