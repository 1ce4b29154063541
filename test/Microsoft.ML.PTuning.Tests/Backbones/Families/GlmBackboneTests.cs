using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Checkpoints;
using Microsoft.ML.PTuning.Tests.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Families;

/// <summary>GLM's forward pass against what its own code computed; <see cref="GlmGoldenTests"/> trains it.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class GlmBackboneTests
{
    private const string Infilling = "glm.blank-infilling", WithPrefix = "glm.prefix.blank-infilling", Cloze = "glm.cloze";

    [TestMethod]
    public void Embed_adds_the_positions_in_the_text_and_in_the_gap()
    {
        using var golden = Open(Infilling);
        var rows = GlmRows.Of(golden);

        ExactNumbers.AreClose(golden, RealTokens(golden.Tensors["expect.hidden.first"], rows), weights =>
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
    [DataRow(Infilling)]
    [DataRow(WithPrefix)]
    public void Tokens_of_text_and_gaps_have_the_last_hidden_states(string name)
    {
        using var golden = Open(name);
        var rows = GlmRows.Of(golden);

        ExactNumbers.AreClose(
            golden, RealTokens(golden.Tensors["expect.hidden.last"], rows), weights => States(weights.Backbone, rows, TuningOf(golden, weights)));
    }

    [TestMethod]
    [DataRow(Infilling)]
    [DataRow(WithPrefix)]
    public void Tokens_of_text_and_gaps_have_the_logits(string name)
    {
        using var golden = Open(name);
        var rows = GlmRows.Of(golden);

        ExactNumbers.AreClose(golden, RealTokens(golden.Tensors["expect.logits"], rows), weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            return language.LanguageHead!.Forward(States(language, rows, TuningOf(golden, weights)));
        });
    }

    [TestMethod]
    [DataRow("logits")]
    [DataRow("raw")]
    [DataRow("penalty")]
    public void What_fills_a_gap_has_the_scores_of_its_tokens(string score)
    {
        using var golden = Open(Cloze);
        var rows = GlmRows.Of(golden, "multi.");

        ExactNumbers.AreClose(golden, golden.Tensors[$"expect.multi.{score}"].view(-1), weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            return stack([.. rows.Select((row, i) =>
            {
                var logits = language.LanguageHead!.Forward(language.Forward(GlmRows.Batch([row]))[0]);            // [U, vocabulary]
                var tokens = (score == "raw" ? logits : nn.functional.log_softmax(logits, 1)).gather(1, NextOf(row)).sum();
                return score == "penalty" ? tokens / row.NextIds.Length : tokens;
            })]);
        });
    }

    [TestMethod]
    public void Choices_have_the_loss_of_the_right_one()
    {
        using var golden = Open(Cloze);
        var rows = GlmRows.Of(golden, "multi.");

        ExactNumbers.AreClose(golden, golden.Tensors["expect.loss"], weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            var batch = GlmRows.Batch(rows);
            var scores = new FillingHead().Forward(language, language.Forward(batch), batch, new TrainedTensors(), Tuning.None, dropout: null);
            return nn.functional.cross_entropy(scores.view(2, 3), golden.Tensors["input.labels"]).view(1);
        });
    }

    /// <summary>As GLM's code keeps hidden states, keys and values are kept here, and the choices read only themselves.</summary>
    [TestMethod]
    public void Choices_that_go_on_from_a_text_that_was_read_once_have_the_same_scores()
    {
        using var golden = Open(Cloze);
        var texts = GlmRows.Of(golden, "fast.");
        var (ids, next) = (golden.Tensors["input.fast.dec_input_ids"], golden.Tensors["input.fast.dec_target_ids"]);
        var (places, real) = (golden.Tensors["input.fast.dec_position_ids"], golden.Tensors["input.fast.dec_logit_mask"]);

        ExactNumbers.AreClose(golden, golden.Tensors["expect.fast.logits"], weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            using var cache = new KeyValueCache(language);
            var text = GlmRows.Batch(texts) with { MaskPlaces = places.select(1, 0).select(1, 0).select(1, 0) };
            language.Forward(text, cache.Extend(Tuning.None, text));
            var choices = tensor(new long[] { 0, 0, 0, 1, 1, 1 });
            cache.Select(choices);
            var decoder = text.Select(choices).Next(ids.reshape(6, -1));
            var states = language.Forward(decoder, cache.Extend(Tuning.None, decoder));                             // [6, U, H]
            var logits = language.LanguageHead!.Forward(states.reshape(-1, states.size(2))).view(6, states.size(1), -1);
            var logs = nn.functional.log_softmax(logits, 2).gather(2, next.reshape(6, -1, 1)).squeeze(2);
            return (logs * real.reshape(6, -1)).sum([1]).view(2, 3);
        });
    }

    [TestMethod]
    public void The_first_token_of_a_gap_tells_its_word()
    {
        using var golden = Open(Cloze);
        var batch = GlmRows.Batch(GlmRows.Of(golden, "single."));
        int[][][] words = [.. golden.Tensors["input.single.target_ids"][0].data<long>().ToArray().Select(id => new[] { new[] { (int)id } })];

        ExactNumbers.AreClose(golden, golden.Tensors["expect.single.target_logits"], weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            return language.LanguageHead!.Forward(language.MaskStates(language.Forward(batch), batch));
        });
        ExactNumbers.AreClose(golden, golden.Tensors["expect.single.logits"], Score);
        var labels = golden.Tensors["input.single.labels"];
        ExactNumbers.AreClose(golden, golden.Tensors["expect.single.loss"], weights => nn.functional.cross_entropy(Score(weights), labels).view(1));

        Tensor Score(GoldenWeights weights)
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            return new VerbalizerHead(words, sumsProbabilities: false)
                .Forward(language, language.Forward(batch), batch, new TrainedTensors(), Tuning.None, dropout: null);
        }
    }

    /// <summary>GLM's own code reads one of three tokens: the first of the gap, the text's last or the text's first.</summary>
    [TestMethod]
    [DataRow("start")]
    [DataRow("pad")]
    [DataRow("cls")]
    public void A_class_has_the_logits_of_the_token_that_is_read(string token)
    {
        using var golden = Open("glm.sequence-classification");
        var batch = GlmRows.Batch(GlmRows.Of(golden));

        ExactNumbers.AreClose(golden, golden.Tensors[$"expect.logits.{token}"], weights =>
        {
            var backbone = weights.Backbone;
            var text = batch with { DecoderIds = null, DecoderMask = null };
            var states = token switch
            {
                "start" => backbone.SentenceStates(backbone.Forward(batch), batch.StatesMask),
                "pad" => backbone.SentenceStates(backbone.Forward(text), text.StatesMask),
                _ => backbone.Forward(text).select(1, 0),
            };
            var pooled = nn.functional.linear(states, weights["pool_layer.weight"], weights["pool_layer.bias"]).tanh();
            return nn.functional.linear(pooled, weights["multichoice_head.weight"], weights["multichoice_head.bias"]);
        });
    }

    [TestMethod]
    public void The_last_layer_gives_the_sentence_token_alone_where_no_other_is_read()
    {
        using var golden = Open("glm.sequence-classification");
        using var weights = golden.InF32();
        using var scope = NewDisposeScope();
        var batch = GlmRows.Batch(GlmRows.Of(golden));
        var (backbone, embedded) = (weights.Backbone, weights.Backbone.Embed(batch, positionOffset: 0));

        var alone = backbone.RunLayers(embedded, batch, tuning: null, 0, backbone.Configuration.Layers, sentenceTokenOnly: true);

        Numbers.AreClose(backbone.SentenceStates(backbone.Forward(batch), batch.StatesMask).unsqueeze(1), alone);
    }

    /// <summary>Its keys lack the prefix of the port's.</summary>
    [TestMethod]
    public void What_GLMs_own_code_saves_is_read_as_what_the_port_saves()
    {
        using var scope = NewDisposeScope();
        using TinyCheckpoint port = new("glm"), own = new("glm", prefix: "");
        own.SaveAs(WrittenFormats.TrainingState);
        using Backbone expected = port.Save().Load(), actual = own.Load();
        var batch = GlmRows.Batch([new([2, 4, 7, 3], new int[4]) { DecoderIds = [9, 11], MaskPlace = 1 }]);

        Numbers.AreClose(expected.Forward(batch), actual.Forward(batch), absolute: 0, relative: 0);
    }

    /// <summary>The port computes the exact form; the numbers in <c>golden/README.md</c> say how far logits then move.</summary>
    [TestMethod]
    public void The_exact_GELU_of_the_port_is_computed_where_the_configuration_asks_for_it()
    {
        using var golden = Open(Infilling);
        using var scope = NewDisposeScope();
        using var weights = golden.InF32();
        var rows = GlmRows.Of(golden);
        var trained = LogitsOf(golden, rows);
        var path = Path.Combine(golden.Directory, BackboneConfiguration.FileName);
        File.WriteAllText(path, File.ReadAllText(path).Replace("gelu_tanh", "gelu"));

        var difference = (trained - LogitsOf(golden, rows)).abs().max().item<float>();

        Assert.IsInRange(1e-4f, 2e-3f, difference);
    }

    [TestMethod]
    [DataRow("\"relative_encoding\": false", "\"relative_encoding\": true", "relative_encoding is true, expected false")]
    [DataRow("\"block_position_encoding\": true", "\"block_position_encoding\": false", "models with one table of positions are not supported")]
    [DataRow("\"num_layers\": 3", "\"num_hidden_layers\": 3, \"rope_theta\": 1e4", "it is of GLM-4 or later")]
    public void Other_models_of_the_name_are_refused(string from, string to, string reason)
    {
        using var golden = Open(Infilling);
        var path = Path.Combine(golden.Directory, BackboneConfiguration.FileName);
        File.WriteAllText(path, File.ReadAllText(path).Replace(from, to));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => BackboneConfiguration.Read(golden.Directory)).Message, reason);
    }

    internal static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, name.Split('.')[0], name);
        return File.Exists($"{path}.safetensors")
            ? new(path, "init.", GoldenEncoder.IsOfTheEncoder)
            : throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
    }

    /// <summary>The states of each row's text, which it has by itself, then of what fills its gaps, <c>[N, H]</c>.</summary>
    internal static Tensor States(Backbone backbone, IReadOnlyList<EncodedRow> rows, Tuning tuning)
    {
        var batch = GlmRows.Batch(rows);
        var text = backbone.Forward(batch with { DecoderIds = null, DecoderMask = null }, tuning);
        var decoder = backbone.Forward(batch, tuning);
        return cat([.. rows.SelectMany((row, i) => (Tensor[])[text[i].narrow(0, 0, row.Ids.Length), decoder[i].narrow(0, 0, row.DecoderIds.Length)])], 0);
    }

    /// <summary>A golden tensor without padding, which stands last, and without the tokens behind those that are read, <c>[N, ...]</c>.</summary>
    internal static Tensor RealTokens(Tensor golden, IReadOnlyList<EncodedRow> rows) =>
        cat([.. rows.Select((row, i) => golden[i].narrow(0, 0, row.Length))], 0);

    /// <summary>The file's prefix, if it has one.</summary>
    internal static Tuning TuningOf(GoldenEncoder golden, GoldenWeights weights)
    {
        if (OfficialMethod.FirstPrefix(golden, weights) is null)
            return Tuning.None;
        var official = OfficialMethod.Of(golden, weights, weights.Backbone);
        var tensors = new TrainedTensors();
        foreach (var (name, value) in official.Parameters.Values())
            tensors.Add(name, value);
        return official.Method.Tune(weights.Backbone, tensors, rows: 1, dropout: null);
    }

    private static Tensor LogitsOf(GoldenEncoder golden, IReadOnlyList<EncodedRow> rows)
    {
        using var language = Backbone.Load(golden.Directory, CPU, withLanguageHead: true);
        return language.LanguageHead!.Forward(States(language, rows, Tuning.None));
    }

    private static Tensor NextOf(EncodedRow row) => tensor([.. row.NextIds.Select(id => (long)id)]).unsqueeze(1);
}
