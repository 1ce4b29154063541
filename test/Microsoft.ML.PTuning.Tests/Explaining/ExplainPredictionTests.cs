using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Scoring;
using Microsoft.ML.PTuning.Tests.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Explaining;

[TestClass]
[TestCategory("Numeric")]
public sealed class ExplainPredictionTests
{
    private static readonly MixedRow s_row = new() { Sentence1 = "k c f, a" };

    private static readonly MulticlassClassification s_classes = Any.Classification(new LabelValues(3, "Text", ["x", "y", "z"]));

    private static readonly Dictionary<string, TuningMethod> s_methods = new()
    {
        ["deep prefix"] = new DeepPrefix { PrefixLength = 3 },
        ["deep prefix at the top"] = new DeepPrefix { PrefixLength = 3, PrefixLayers = 1 },
        ["linear probe"] = new LinearProbe(),
        ["prompt tuning"] = new PromptTuning { Length = 2 },
        ["prompt tuning behind [CLS]"] = new PromptTuning { Length = 2, Placement = PromptPlacement.AfterFirstToken },
        ["mixture"] = new SoftPromptMixture { Length = 2, Prompts = 2, Deep = true },
        ["BitFit"] = new BitFit(),
        ["LoRA"] = new LowRankAdaptation { Rank = 2 },
    };

    public static IEnumerable<object[]> Methods => s_methods.Keys.Select(name => new object[] { name });

    /// <summary>The definition: the mean slope, by differences, of the log-odds along the word's part of the way, in F64.</summary>
    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Weight_is_the_mean_slope_of_the_log_odds_on_the_way_from_mean_vectors(string method)
    {
        using var models = new MixedModels(inF64: true);
        GivenVectors given = null!;
        var model = models.Create(s_classes, s_methods[method], wrap: backbone => given = new(backbone));

        var word = model.ExplainPrediction(s_row, "y")[1];

        AssertIsMeanSlope(model, given, word, logits => logits[1] - Math.Log(Math.Exp(logits[0]) + Math.Exp(logits[2])));
    }

    [TestMethod]
    public void Weight_for_a_number_is_in_the_labels_unit_and_for_a_class_of_several_in_log_odds_of_it_alone()
    {
        using var models = new MixedModels(inF64: true);
        Check(Any.Regression with { TargetMean = 3, TargetDeviation = 2 }, null, "Score", logits => 2 * logits[0]);
        Check(Any.MultiLabel(3), "1", "1", logits => logits[1]);
        Check(Any.BinaryClassification, "false", "false", logits => logits[0] - logits[1]);

        void Check(PromptTask task, string? output, string name, Func<double[], double> evidence)
        {
            GivenVectors given = null!;
            var model = models.Create(task, new DeepPrefix { PrefixLength = 3 }, wrap: backbone => given = new(backbone));

            var word = model.ExplainPrediction(s_row, output)[1];

            Assert.AreEqual(name, word.Output);
            AssertIsMeanSlope(model, given, word, evidence);
        }
    }

    /// <summary>(w of the class - w of the other) · (x - mean of the vocabulary) / T.</summary>
    [TestMethod]
    public void Weight_over_a_linear_encoder_is_the_product_of_head_and_vector()
    {
        using var models = new MixedModels();
        var model = models.Create(
            Any.BinaryClassification with { Pooling = Pooling.Checkpoint }, new LinearProbe(), wrap: backbone => new LinearBackbone(backbone));

        var words = model.ExplainPrediction(s_row, "true");

        using var scope = NewDisposeScope();
        var (head, vectors) = (model.Model.Tensors["head.weight"], model.Model.Network.Encoder.Backbone.WordEmbeddings);
        const int Tokens = 7; // [CLS] k c f [UNK] a [SEP].
        Assert.AreEqual("k c f , a", string.Join(' ', words.Select(word => word.Text)));
        foreach (var word in words)
        {
            var way = vectors[model.Model.Tokenizer.Tokenize(word.Text).Single().Id] - vectors.mean([0]);
            Assert.AreEqual((head[1] - head[0]).dot(way).item<float>() / Tokens, word.Weight, 1e-5, word.Text);
        }
    }

    [TestMethod]
    public void Words_are_told_by_column_and_characters_also_in_a_pair_and_in_a_pattern()
    {
        using var models = new MixedModels();
        var row = new Pair { Sentence1 = "k  c", Sentence2 = "f, a" };
        foreach (var pattern in (string?[])[null, "b {text2} d {separator} {text} e"])
        {
            var model = models.Create(s_classes with { Sentence2ColumnName = "Sentence2", Pattern = pattern }, new DeepPrefix { PrefixLength = 3 });

            var words = model.ExplainPrediction(row, "x");

            Assert.AreEqual(
                "Sentence1 0 k, Sentence1 3 c, Sentence2 0 f, Sentence2 1 ,, Sentence2 3 a",
                string.Join(", ", words.Select(word => $"{word.ColumnName} {word.Start} {word.Text}")), pattern);
            Assert.IsTrue(words.All(word => word.Length == 1 && double.IsFinite(word.Weight) && word.Weight != 0), pattern);
        }
    }

    [TestMethod]
    public void The_predicted_class_is_explained_where_none_is_named()
    {
        using var models = new MixedModels();
        var model = models.Create(s_classes, new DeepPrefix { PrefixLength = 3 });
        for (var number = 0; number < 6; number++)
        {
            var row = MixedRow.Draw(number);

            var predicted = model.Predict<MixedRow, Classified>([row])[0].PredictedLabel;

            Assert.AreEqual(model.Classes[(int)predicted - 1], model.ExplainPrediction(row)[0].Output);
        }
    }

    [TestMethod]
    public void All_predicted_classes_of_several_are_explained()
    {
        using var models = new MixedModels();
        var model = models.Create(Any.MultiLabel(3), new DeepPrefix { PrefixLength = 3 });
        for (var number = 0; number < 6; number++)
        {
            var row = MixedRow.Draw(number);

            var scores = model.Predict<MixedRow, Flagged>([row])[0].Score;

            int[] expected = scores.Any(score => score >= 0.5f)
                ? [.. Enumerable.Range(0, 3).Where(index => scores[index] >= 0.5f)]
                : [Array.IndexOf(scores, scores.Max())];
            Assert.AreEqual(string.Join(' ', expected), string.Join(' ', model.ExplainPrediction(row).Select(word => word.Output).Distinct()));
        }
    }

    [TestMethod]
    public void Tasks_with_many_outputs_or_texts_are_refused()
    {
        using var models = new MixedModels();
        foreach (var task in (PromptTask[])[Any.Choice, Any.Tagging("O", "B-PER", "I-PER") with { Sentence1ColumnName = "Words" }, WordQuestions.Task])
        {
            var model = models.Create(task, new LinearProbe());

            var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => model.ExplainPrediction(s_row));
            Assert.Contains($"The model's task is {task}", refusal.Message);
        }
    }

    [TestMethod]
    public void A_class_that_is_not_there_is_refused_with_those_that_are()
    {
        using var models = new MixedModels();
        var model = models.Create(s_classes, new LinearProbe());

        Assert.Contains("'w' is none of the model's outputs: x, y, z.", Assert.ThrowsExactly<ArgumentException>(() => model.ExplainPrediction(s_row, "w")).Message);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Explaining_leaves_no_tensor_behind()
    {
        using var models = new MixedModels();
        var model = models.Create(s_classes, new PromptTuning { Length = 2 });
        model.ExplainPrediction(s_row);
        var before = LiveTensors.CountSettled();

        model.ExplainPrediction(s_row);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    /// <param name="word">The second word of the row, c.</param>
    /// <param name="evidence">From the logits.</param>
    private static void AssertIsMeanSlope(PTuningV2Transformer model, GivenVectors given, TokenContribution word, Func<double[], double> evidence)
    {
        const int Steps = 16, Unknown = 1, FirstLetter = 5;
        const double Difference = 1e-4;
        var id = model.Model.Tokenizer.Tokenize("c").Single().Id;
        Assert.AreEqual("c", word.Text);

        var slope = Enumerable.Range(0, Steps).Average(step => (At(step, Difference) - At(step, -Difference)) / (2 * Difference));

        Assert.AreEqual(slope, word.Weight, 1e-5 * (1 + Math.Abs(slope)));

        double At(int step, double more)
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            given.Of = batch =>
            {
                var words = given.WordEmbeddings.index_select(0, batch.Ids.view(-1)).view(batch.Rows, batch.Length, -1);
                double Left(long token) => token == Unknown || token >= FirstLetter ? 1 - (step + 0.5) / Steps - (token == id ? more : 0) : 0;
                var left = tensor(batch.Ids.data<long>().ToArray().Select(Left).ToArray(), batch.Rows, batch.Length, 1);
                return words - left * (words - given.WordEmbeddings.mean([0]));
            };
            var row = ((SentenceTask)model.Model.Task).Locate(model.Model.Tokenizer, s_row.Sentence1, null).Row;
            var outputs = model.Model.Network.Forward(EncodedRow.Collate([row], padId: 0, CPU), model.Model.Tensors);
            given.Of = null;
            return evidence(outputs.data<double>().ToArray());
        }
    }

    private sealed class Pair
    {
        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";
    }

    private sealed class Flagged
    {
        public float[] Score { get; set; } = [];
    }
}
