using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tests.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Families;

/// <summary>ChatGLM-6B's forward pass against what its own code computed; <see cref="GlmGoldenTests"/> trains its prefix.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class ChatGlmBackboneTests
{
    private const string Plain = "chatglm.lm", WithPrefix = "chatglm.prefix";

    [TestMethod]
    public void Embed_gives_the_words()
    {
        using var golden = GlmBackboneTests.Open(Plain);
        var rows = GlmRows.OfChat(golden);

        ExactNumbers.AreClose(golden, GlmBackboneTests.RealTokens(golden.Tensors["expect.hidden.first"], rows), weights =>
        {
            var batch = GlmRows.Batch(rows);
            var embedded = weights.Backbone.Embed(batch, positionOffset: 0);
            return cat([.. rows.SelectMany((row, i) => (Tensor[])
            [
                embedded[i].narrow(0, 0, row.Ids.Length),
                embedded[i].narrow(0, batch.Length, row.DecoderIds.Length),
            ])], 0);
        });
    }

    [TestMethod]
    [DataRow(Plain)]
    [DataRow(WithPrefix)]
    public void Tokens_of_text_and_answer_have_the_last_hidden_states(string name)
    {
        using var golden = GlmBackboneTests.Open(name);
        var rows = GlmRows.OfChat(golden);

        ExactNumbers.AreClose(golden, GlmBackboneTests.RealTokens(golden.Tensors["expect.hidden.last"], rows), weights =>
            GlmBackboneTests.States(weights.Backbone, rows, GlmBackboneTests.TuningOf(golden, weights)));
    }

    /// <summary>By words of its own, not by the embeddings, although its configuration says that both are one.</summary>
    [TestMethod]
    [DataRow(Plain)]
    [DataRow(WithPrefix)]
    public void Tokens_of_text_and_answer_have_the_logits(string name)
    {
        using var golden = GlmBackboneTests.Open(name);
        var rows = GlmRows.OfChat(golden);

        ExactNumbers.AreClose(golden, GlmBackboneTests.RealTokens(golden.Tensors["expect.logits"], rows), weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            return language.LanguageHead!.Forward(GlmBackboneTests.States(language, rows, GlmBackboneTests.TuningOf(golden, weights)));
        });
    }

    /// <summary>The text's last token foresees the first that the decoder reads.</summary>
    [TestMethod]
    [DataRow(Plain)]
    [DataRow(WithPrefix)]
    public void Answers_have_the_loss_of_their_tokens(string name)
    {
        using var golden = GlmBackboneTests.Open(name);
        var batch = GlmRows.Batch(GlmRows.OfChat(golden));
        var learned = golden.Tensors["input.labels"].ge(0).sum().item<long>();

        ExactNumbers.AreClose(golden, golden.Tensors["expect.loss"], weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            var tuning = GlmBackboneTests.TuningOf(golden, weights);
            var outputs = new BeginningHead().Forward(language, language.Forward(batch, tuning), batch, new(), tuning, dropout: null);
            return (-outputs.select(2, 0).sum() / learned).view(1);
        });
    }

    /// <summary>Checkpoints of THUDM's tuning hold the prefix, and releases hold the frequencies of each layer's rotation.</summary>
    [TestMethod]
    public void A_checkpoint_with_a_prefix_and_frequencies_is_read()
    {
        using var checkpoint = new TinyCheckpoint("chatglm");
        checkpoint.Configuration["pre_seq_len"] = 7;
        checkpoint.Tensors["transformer.prefix_encoder.embedding.weight"] = zeros(7, 3 * 2 * 8);
        for (var layer = 0; layer < 3; layer++)
            checkpoint.Tensors[$"transformer.layers.{layer}.attention.rotary_emb.inv_freq"] = ones(1);

        using var backbone = checkpoint.SaveConfiguration().Save().Load();

        Assert.AreEqual(3, backbone.Configuration.Layers);
    }

    [TestMethod]
    [DataRow("\"quantization_bit\": 0", "\"quantization_bit\": 4", "quantization_bit is 4, expected 0")]
    [DataRow("\"position_encoding_2d\": true", "\"position_encoding_2d\": false", "position_encoding_2d is false, expected true")]
    [DataRow("\"vocab_size\": 60", "\"vocab_size\": 60, \"rmsnorm\": true", "it is of ChatGLM2 or later, expected ChatGLM-6B")]
    [DataRow("\"num_attention_heads\": 4", "\"num_attention_heads\": 16", "a head has 2 numbers")]
    public void Other_models_of_the_name_are_refused(string from, string to, string reason)
    {
        using var golden = GlmBackboneTests.Open(Plain);
        var path = Path.Combine(golden.Directory, BackboneConfiguration.FileName);
        File.WriteAllText(path, File.ReadAllText(path).Replace(from, to));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(golden.Directory)).Message, reason);
    }
}
