using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Steps that recompute activations against steps that keep them.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class RecomputedActivationsTests
{
    private const double LearningRate = 0.01, Bound = 1e-9;

    private static readonly PromptTask Sentence = Any.Classification(2), Tokens = Any.Tagging(2);

    public static IEnumerable<object[]> Families =>
        from family in new[] { "bert", "roberta", "electra", "distilbert", "albert", "deberta", "deberta-v2", "deberta-v3" }
        from dropout in new[] { 0, 0.2 }
        select new object[] { family, dropout };

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Five_steps_are_those_with_kept_activations(string family, double dropout) =>
        AreSame(family, new DeepPrefix { PrefixLength = 3 }, Sentence, Settings(dropout));

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")]
    public void Five_steps_of_tagging_are_those_with_kept_activations(string family) =>
        AreSame(family, new DeepPrefix { PrefixLength = 3 }, Tokens, Settings(dropout: 0.2));

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")]
    public void Five_steps_of_a_projected_prefix_are_those_with_kept_activations(string family) =>
        AreSame(family, new DeepPrefix { PrefixLength = 3 }, Sentence, Settings(dropout: 0.2) with { ProjectionSize = 5 });

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")]
    public void Five_steps_of_a_prefix_with_gates_are_those_with_kept_activations(string family) =>
        AreSame(family, new DeepPrefix { PrefixLength = 3, Gate = true }, Sentence, Settings(dropout: 0.2));

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Five_steps_of_a_prefix_of_the_top_layers_are_those_with_kept_activations(int layers) =>
        AreSame("deberta-v2", new DeepPrefix { PrefixLength = 3, PrefixLayers = layers }, Tokens, Settings(dropout: 0.2));

    [TestMethod]
    public void Five_steps_without_a_prefix_are_those_with_kept_activations() =>
        AreSame("bert", new LinearProbe(), Sentence, Settings(dropout: 0.2));

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Five_steps_of_fine_tuning_are_those_with_kept_activations(string family, double dropout) =>
        AreSame(family, new FineTuning(), Sentence, Settings(dropout));

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Five_steps_of_low_rank_adaptation_are_those_with_kept_activations(string family, double dropout) =>
        AreSame(family, new LowRankAdaptation { Rank = 2, Targets = LowRankTargets.All }, Sentence, Settings(dropout));

    [TestMethod]
    public void Five_steps_of_several_shards_are_those_with_kept_activations() =>
        AreSame("bert", new DeepPrefix { PrefixLength = 3 }, Tokens, Settings(dropout: 0.2) with { Shards = 3 });

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")]
    public void Five_steps_in_16_bits_are_those_with_kept_activations(string family) =>
        AreSame(family, new DeepPrefix { PrefixLength = 3 }, Tokens, Settings(dropout: 0.2), ScalarType.BFloat16);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void As_many_tokens_leave_the_last_layer_as_the_head_reads(bool recomputes)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = new CountingBackbone(checkpoint.Load());
        foreach (var (task, expected) in new[] { (Sentence, 1), (Tokens, 6) })
        {
            using var optimizer = TinyOptimizer.Of(
                task, backbone, new DeepPrefix { PrefixLength = 3 }, Settings(dropout: 0.2) with { RecomputeActivations = recomputes });

            optimizer.Step(Batch(task), LearningRate);

            CollectionAssert.AreEqual(new long[] { 6, 6, expected }, backbone.TokensLeft);
        }
    }

    [TestMethod]
    public void Step_leaves_no_native_memory_behind()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        using var optimizer = TinyOptimizer.Of(Sentence, backbone, new DeepPrefix { PrefixLength = 3 }, Settings(dropout: 0.2) with { RecomputeActivations = true });
        optimizer.Step(Batch(Sentence), LearningRate);
        var before = LiveTensors.CountSettled();

        optimizer.Step(Batch(Sentence), LearningRate);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Trained_model_is_that_with_kept_activations()
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(40);
        var kept = training.FitAndScore(rows);
        training.Options.RecomputeActivations = true;

        foreach (var (expected, actual) in kept.Zip(training.FitAndScore(rows)))
            Assert.AreEqual(expected, actual, 1e-5);
    }

    private static TrainingSettings Settings(double dropout) => new()
    {
        LearningRate = LearningRate,
        BatchSize = 4,
        MaxEpochs = 1,
        PrefixDropout = dropout,
        HeadDropout = dropout,
        BackboneDropout = dropout,
        Seed = 7,
    };

    /// <remarks>
    /// In F64: without dropout torch fuses the attention of a forward pass without gradients and spells out the other, and the two round otherwise. F64
    /// rounds by 1e-16, and Adam makes at most <see cref="LearningRate"/> / 1e-8 of what rounding leaves of a gradient that is 0, so 1e-9 is enough. With
    /// dropout both passes do the same operations, and give the same bits in any type.
    /// </remarks>
    private static void AreSame(
        string family, TuningMethod method, PromptTask task, TrainingSettings settings, ScalarType type = ScalarType.Float64)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = family.Contains("deberta", StringComparison.Ordinal) ? DebertaCheckpoints.Create(family) : new TinyCheckpoint(family);
        using var backbone = TypedEncoder.Load(checkpoint.Save().Path, type);
        using var keeping = TinyOptimizer.Of(task, backbone, method, settings);
        using var recomputing = TinyOptimizer.Of(task, backbone, method, settings with { RecomputeActivations = true });

        for (var step = 0; step < 5; step++)
        {
            var kept = keeping.Step(Batch(task), LearningRate);
            var recomputed = recomputing.Step(Batch(task), LearningRate);

            Assert.AreEqual(kept.Loss, recomputed.Loss, Bound);
            foreach (var (expected, actual) in keeping.Parameters.Zip(recomputing.Parameters))
            {
                if (expected.grad is { } gradient)
                    Numbers.AreClose(gradient, actual.grad!, absolute: Bound, relative: Bound);
                else
                    Assert.IsNull(actual.grad); // The table of absolute positions that DeBERTa does not read.
                Numbers.AreClose(expected, actual, absolute: Bound, relative: Bound);
            }
        }
    }

    /// <summary>Three rows, two of them padded, with a class each or one a token.</summary>
    private static ExamplePart[] Batch(PromptTask task)
    {
        int[][] rows = [[2, 9, 8, 7, 6, 3], [2, 5, 11, 3], [2, 12, 3]];
        return [.. rows.Select((ids, row) => new ExamplePart(
            [new(ids, new int[ids.Length])], task == Sentence ? [row % 2] : [.. ids.Select(id => id < 5 ? -1f : id % 2)]))];
    }
}
