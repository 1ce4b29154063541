using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Heads;

[TestClass]
[TestCategory("Numeric")]
public sealed class VerbalizerHeadTests
{
    private const string AutoPrompt = "bert.autoprompt";

    /// <summary>The golden verbalizer has a class whose word has two tokens: the mean of their logits.</summary>
    [TestMethod]
    public void Classes_score_as_in_PET()
    {
        using var golden = Open("bert.pet.finetune");
        var head = new VerbalizerHead([.. WordsOf(golden).Select(words => words.Tokens!)], sumsProbabilities: false);

        ExactNumbers.AreClose(golden, golden.Tensors["expect.logits"], all => Score(head, golden, all));
    }

    /// <summary>Each golden row has the words of its right class, so the rows' words are the classes.</summary>
    [TestMethod]
    public void Sums_of_probabilities_have_the_loss_of_AutoPrompt()
    {
        using var golden = Open(AutoPrompt);
        int[][][] words = [.. golden.Tensors["input.label_ids"].data<long>().ToArray().Chunk(2).Select(ids => ids.Select(id => new[] { (int)id }).ToArray())];
        var head = new VerbalizerHead(words, sumsProbabilities: true);
        var task = Any.Classification(3) with { SumsProbabilities = true };
        ExamplePart[] rows = [.. Enumerable.Range(0, 3).Select(row => Any.Part(row))];

        ExactNumbers.AreClose(golden, golden.Tensors["expect.loss"], all => (task.Loss(Score(head, golden, all), rows) / 3).view(1));
    }

    [TestMethod]
    public void Several_words_score_their_mean_whatever_their_tokens()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = TinyLanguageModel.Checkpoint().Save();
        using var backbone = Backbone.Load(checkpoint.Path, CPU, withLanguageHead: true);
        var batch = EncodedRow.Collate([new([2, 4, 7, 3], [0, 0, 0, 0]) { MaskPlace = 1 }, new([2, 8, 4, 3], [0, 0, 0, 0]) { MaskPlace = 2 }], 0, CPU);
        var hidden = backbone.Forward(batch);

        var scores = new VerbalizerHead([[[10]], [[11, 12, 13], [14], [11]]], sumsProbabilities: false)
            .Forward(backbone, hidden, batch, new TrainedTensors(), Tuning.None, dropout: null);

        var words = stack([hidden[0, 1], hidden[1, 2]], 0);
        var logits = backbone.LanguageHead!.Forward(words);
        for (var row = 0; row < 2; row++)
        {
            float Logit(int token) => logits[row, token].item<float>();
            Assert.AreEqual(Logit(10), scores[row, 0].item<float>(), 1e-5);
            Assert.AreEqual(((Logit(11) + Logit(12) + Logit(13)) / 3 + Logit(14) + Logit(11)) / 3, scores[row, 1].item<float>(), 1e-5);
        }
    }

    /// <summary>A word of several tokens counts once, by the mean log of their probabilities, and a word that is named twice counts once.</summary>
    [TestMethod]
    public void Probabilities_of_words_are_summed_whatever_their_tokens()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = TinyLanguageModel.Checkpoint().Save();
        using var backbone = Backbone.Load(checkpoint.Path, CPU, withLanguageHead: true);
        var batch = EncodedRow.Collate([new([2, 4, 7, 3], [0, 0, 0, 0]) { MaskPlace = 1 }], 0, CPU);
        var hidden = backbone.Forward(batch);

        var scores = new VerbalizerHead([[[10], [10]], [[11, 12, 13], [14], [11]]], sumsProbabilities: true)
            .Forward(backbone, hidden, batch, new TrainedTensors(), Tuning.None, dropout: null);

        var logs = backbone.LanguageHead!.Forward(hidden[0, 1].unsqueeze(0)).to(ScalarType.Float64).log_softmax(1)[0];
        double Log(int token) => logs[token].item<double>();
        Assert.AreEqual(Log(10), scores[0, 0].item<float>(), 1e-5);
        Assert.AreEqual(
            Math.Log(Math.Exp((Log(11) + Log(12) + Log(13)) / 3) + Math.Exp(Log(14)) + Math.Exp(Log(11))), scores[0, 1].item<float>(), 1e-5);
    }

    /// <summary>The golden verbalizer; id 0 is no token.</summary>
    internal static ClassWords[] WordsOf(GoldenEncoder golden) =>
    [
        .. Configuration(golden).GetProperty("verbalizer").EnumerateArray().Select((tokens, i) => new ClassWords($"{i}", ["word"])
        {
            Tokens = [[.. tokens.EnumerateArray().Select(id => id.GetInt32()).Where(id => id > 0)]],
        }),
    ];

    internal static JsonElement Configuration(GoldenEncoder golden) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Directory, BackboneConfiguration.FileName))).RootElement;

    private static Tensor Score(VerbalizerHead head, GoldenEncoder golden, GoldenWeights weights)
    {
        using var scope = NewDisposeScope();
        using var backbone = weights.Backbone.WithLanguageHead(golden.Directory);
        var mask = Configuration(golden).GetProperty("mask_token_id").GetInt64();
        var batch = golden.Batch with
        {
            MaskPlaces = golden.Batch.Ids.eq(mask).to(ScalarType.Int64).argmax(1),
            Segments = golden.Name == AutoPrompt ? zeros_like(golden.Batch.Segments) : golden.Batch.Segments, // It has none; those are the base's.
        };
        return head.Forward(backbone, backbone.Forward(batch), batch, new TrainedTensors(), Tuning.None, dropout: null).MoveToOuterDisposeScope();
    }

    private static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "methods", name);
        return File.Exists($"{path}.safetensors")
            ? new(path, "init.", GoldenEncoder.IsOfTheEncoder)
            : throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
    }
}
