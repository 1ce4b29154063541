using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Encoders;

namespace Microsoft.ML.PTuning.Tests.Backbones.Families;

[TestClass]
public sealed class DebertaConfigurationTests
{
    [TestMethod]
    [DataRow("pos_att_type", "\"c2p\"", "pos_att_type c2p, expected c2p|p2c")]
    [DataRow("position_biased_input", "true", "position_biased_input true, expected false")]
    [DataRow("pooler_hidden_act", "\"relu\"", "pooler_hidden_act relu, expected gelu")]
    public void What_decides_scores_without_a_tensor_of_its_own_is_part_of_the_reference(string key, string value, string difference)
    {
        using var checkpoint = DebertaCheckpoints.Create("deberta-v3");
        var before = BackboneConfiguration.Read(checkpoint.Path);
        BackboneLocation location = new(BackboneKind.Directory, "tiny", checkpoint.Path, null);
        var reference = BackboneReference.Of(location, before, [], [], new Fingerprint(folder: null));

        checkpoint.Configuration[key] = System.Text.Json.Nodes.JsonNode.Parse(value);
        checkpoint.SaveConfiguration();

        Assert.IsEmpty(reference.Differences(before));
        CollectionAssert.AreEqual(new[] { difference }, reference.Differences(BackboneConfiguration.Read(checkpoint.Path)).ToArray());
    }

    [TestMethod]
    public void Read_gives_the_numbers_of_a_second_version()
    {
        var configuration = Read("deberta-v2");

        Assert.AreEqual(4, configuration.PositionBuckets);
        Assert.AreEqual(4, configuration.RelativeSpan);
        Assert.IsTrue(configuration.SharesProjections);
        Assert.IsTrue(configuration.NormalizesRelativeEmbeddings);
        Assert.AreEqual(new ConvolutionConfiguration(KernelSize: 3, Groups: 1, Activation: "gelu"), configuration.Convolution);
    }

    [TestMethod]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    public void Read_takes_for_granted_what_transformers_does(string version)
    {
        string[] silent =
        [
            "position_biased_input", "type_vocab_size", "layer_norm_eps", "pad_token_id", "position_buckets", "share_att_key", "norm_rel_ebd", "conv_act",
        ];
        var configuration = Read(version, file =>
        {
            foreach (var key in silent)
                file.Remove(key);
        });

        Assert.IsTrue(configuration.AddsAbsolutePositions);
        Assert.AreEqual(0, configuration.SegmentTypes);
        Assert.AreEqual(1e-7, configuration.LayerNormEpsilon);
        Assert.AreEqual(0, configuration.PadTokenId);
        Assert.AreEqual(8, configuration.EmbeddingSize);
        Assert.AreEqual(16, configuration.RelativeSpan);
        Assert.AreEqual("gelu", configuration.PoolerActivation);
        Assert.IsFalse(configuration.SharesProjections);
        Assert.IsFalse(configuration.NormalizesRelativeEmbeddings);
        if (version == "deberta-v2")
            Assert.AreEqual("tanh", configuration.Convolution!.Activation);
    }

    [TestMethod]
    [DataRow("\"c2p|p2c\"", true, true, 3)]
    [DataRow("\"p2c\"", false, true, 2)]
    [DataRow("[\"c2p\"]", true, false, 2)]
    [DataRow("[\"p2c\", \"c2p\"]", true, true, 3)]
    public void Read_takes_the_terms_of_a_score_as_a_list_or_as_one_text(string terms, bool hasContentToPosition, bool hasPositionToContent, int count)
    {
        var configuration = Read("deberta", file => file["pos_att_type"] = JsonNode.Parse(terms));

        Assert.AreEqual(hasContentToPosition, configuration.HasContentToPosition);
        Assert.AreEqual(hasPositionToContent, configuration.HasPositionToContent);
        Assert.AreEqual(count, configuration.ScoreTerms);
    }

    [TestMethod]
    [DataRow("talking_head", "true", "talking_head is true, expected false")]
    [DataRow("relative_attention", "false", "relative_attention is not true")]
    [DataRow("relative_attention", "1", "relative_attention is 1, expected true or false")]
    [DataRow("pos_att_type", "\"c2p|p2p\"", "pos_att_type is \"c2p|p2p\", expected some of c2p, p2c")]
    [DataRow("pos_att_type", "[]", "pos_att_type is [], expected some of c2p, p2c")]
    [DataRow("pos_att_type", "null", "pos_att_type is missing, expected one of c2p, p2c")]
    [DataRow("norm_rel_ebd", "\"batch_norm\"", "norm_rel_ebd is \"batch_norm\", expected one of none, layer_norm")]
    [DataRow("position_buckets", "1", "position_buckets is 1, expected -1 for none, or from 2")]
    [DataRow("position_buckets", "30", "position_buckets is 30, expected -1 for none, or from 2 to less than twice the 16")]
    [DataRow("conv_kernel_size", "4", "conv_kernel_size is 4, expected an odd number")]
    [DataRow("conv_groups", "3", "hidden_size 8 is not a multiple of conv_groups 3")]
    [DataRow("conv_act", "\"swish\"", "conv_act is \"swish\", expected one of gelu")]
    [DataRow("attention_head_size", "8", "attention_head_size is 8, expected hidden_size / num_attention_heads, 4")]
    [DataRow("pooler_hidden_act", "\"swish\"", "pooler_hidden_act is \"swish\", expected one of gelu")]
    public void Read_refuses_what_is_not_supported(string key, string value, string reason)
    {
        using var checkpoint = DebertaCheckpoints.Create("deberta-v2");
        checkpoint.Configuration[key] = JsonNode.Parse(value);
        checkpoint.SaveConfiguration();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(checkpoint.Path));

        StringAssert.Contains(refusal.Message, reason);
    }

    private static DebertaConfiguration Read(string version, Action<JsonObject>? bend = null)
    {
        using var checkpoint = DebertaCheckpoints.Create(version, bend);
        return (DebertaConfiguration)BackboneConfiguration.Read(checkpoint.Path);
    }
}
