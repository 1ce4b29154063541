using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

[TestClass]
[TestCategory("Numeric")]
public sealed class LanguageHeadTests
{
    /// <summary>Families whose language models can be read, and what transformers calls the modules of their heads.</summary>
    public static IEnumerable<object[]> Masked =>
    [
        ["bert", "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias", "cls.predictions.decoder.weight"],
        ["roberta", "lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder.weight"],
        ["xlm-roberta", "lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder.weight"],
        ["distilbert", "vocab_transform", "vocab_layer_norm", "vocab_projector.bias", "vocab_projector.weight"],
        ["albert", "predictions.dense", "predictions.LayerNorm", "predictions.bias", "predictions.decoder.weight"],
        ["electra", "generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head.bias", "generator_lm_head.weight"],
    ];

    [TestMethod]
    [DataRow("methods/bert.base", "init.", "expect.mlm_logits")]
    [DataRow("backbones/gpt2", "param.", "expect.logits")]
    public void Gives_the_logits_of_transformers(string file, string weights, string logits)
    {
        var path = Path.Combine(GoldenFiles.Root, file);
        if (!File.Exists($"{path}.safetensors"))
            Assert.Inconclusive($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        using var golden = new GoldenEncoder(path, weights);

        ExactNumbers.AreClose(golden, golden.Tensors[logits], all => Head(golden, all.Backbone).Forward(all.Backbone.Forward(golden.Batch)));
    }

    [TestMethod]
    [DynamicData(nameof(Masked))]
    public void Dense_activation_norm_and_the_words_vectors_give_the_scores(string family, string dense, string norm, string bias, string decoder)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint(family, dense, norm, bias, decoder);
        using var backbone = Load(checkpoint.Path);
        var hidden = new Draw().Normal(3, 8);

        var transformed = nn.functional.linear(hidden, checkpoint.Tensors[$"{dense}.weight"], checkpoint.Tensors[$"{dense}.bias"]);
        transformed = family is "bert" or "distilbert" or "albert" ? transformed.relu() : nn.functional.gelu(transformed); // The layers have ReLU.
        var normalized = nn.functional.layer_norm(
            transformed, [transformed.size(1)], checkpoint.Tensors[$"{norm}.weight"], checkpoint.Tensors[$"{norm}.bias"],
            backbone.Configuration.LayerNormEpsilon);
        var words = backbone.Tensors["embeddings.word_embeddings.weight"];
        Numbers.AreClose(nn.functional.linear(normalized, words, checkpoint.Tensors[bias]), backbone.LanguageHead!.Forward(hidden));
    }

    [TestMethod]
    [DynamicData(nameof(Masked))]
    public void Vectors_that_are_not_the_embeddings_are_read(string family, string dense, string norm, string bias, string decoder)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint(family, dense, norm, bias, decoder);
        checkpoint.Tensors[decoder] = checkpoint.Tensors[decoder].zero_();
        checkpoint.Save();
        using var tied = Load(checkpoint.Path);
        checkpoint.Configuration["tie_word_embeddings"] = false;
        checkpoint.SaveConfiguration();
        using var backbone = Load(checkpoint.Path);
        var hidden = new Draw().Normal(3, 8);

        Assert.IsFalse(tied.LanguageHead!.Forward(hidden).allclose(checkpoint.Tensors[bias].expand(3, -1)));
        Numbers.AreClose(checkpoint.Tensors[bias].expand(3, -1), backbone.LanguageHead!.Forward(hidden), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void It_is_not_read_unless_asked_for()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();

        Assert.IsNull(backbone.LanguageHead);
    }

    [TestMethod]
    public void Load_names_what_an_encoder_that_was_saved_alone_lacks()
    {
        using var checkpoint = new TinyCheckpoint().Save();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Load(checkpoint.Path));

        StringAssert.Contains(refusal.Message, "missing: cls.predictions.transform.dense.weight");
        StringAssert.Contains(refusal.Message, "take the checkpoint of the whole language model");
    }

    [TestMethod]
    public void Load_refuses_language_models_of_other_families()
    {
        using var golden = BackboneGoldenTests.Open("deberta-v2");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Load(golden.Directory));

        StringAssert.Contains(refusal.Message, "language models of the family deberta-v2 are not supported");
    }

    private static Backbone Load(string directory) => Backbone.Load(directory, CPU, withLanguageHead: true);

    private static LanguageHead Head(GoldenEncoder golden, Backbone backbone)
    {
        var family = BackboneFamilies.Find(backbone.Configuration.ModelType)!;
        using var checkpoint = CheckpointFiles.Find(golden.Directory).Open();
        return LanguageHead.Load(checkpoint, family.LanguageHead!, backbone.Configuration, backbone.Tensors[family.WordEmbeddings]);
    }

    /// <summary>A whole language model, whose layers have another activation than some heads.</summary>
    private static TinyCheckpoint Checkpoint(string family, string dense, string norm, string bias, string decoder)
    {
        var checkpoint = new TinyCheckpoint(family, bend: configuration => configuration[family == "distilbert" ? "activation" : "hidden_act"] = "relu");
        var (draw, embedding) = (new Draw(), family is "electra" or "albert" ? 6 : 8);
        checkpoint.Tensors[$"{dense}.weight"] = draw.Normal(embedding, 8);
        checkpoint.Tensors[$"{dense}.bias"] = draw.Normal(embedding);
        checkpoint.Tensors[$"{norm}.weight"] = draw.Normal(embedding);
        checkpoint.Tensors[$"{norm}.bias"] = draw.Normal(embedding);
        checkpoint.Tensors[bias] = draw.Normal(30);
        checkpoint.Tensors[decoder] = draw.Normal(30, embedding);
        return checkpoint.Save();
    }
}
