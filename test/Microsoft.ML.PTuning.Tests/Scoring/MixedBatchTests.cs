using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Scoring;

[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class MixedBatchTests
{
    /// <summary>Models in F64 hand out F32, whose last digit is 1.2e-7 of a number: two roundings of nearly the same may lie that far from each other.</summary>
    private const double LastDigit = 1.2e-7;

    /// <summary>BF16 rounds a number by 2^-9 of itself at most; of each weight's results some four are rounded: product, sum, norm or activation.</summary>
    private static readonly double RoundingOfBFloat16 = 4 * Math.Pow(2, -9);

    [TestMethod]
    [DataRow("bert", 0)]
    [DataRow("roberta", 0)]
    [DataRow("deberta-v2", 0)]
    [DataRow("deberta-v3", 0)]
    [DataRow("bert", 1)]
    [DataRow("roberta", 1)]
    [DataRow("deberta-v2", 1)]
    [DataRow("deberta-v3", 1)]
    public void Parts_of_many_models_in_one_batch_give_what_each_gives_alone(string family, int prefixLayers)
    {
        using var models = new MixedModels(family, inF64: true);
        var methods = MixedModels.Methods.Where(method => method is DeepPrefix prefix && prefix.PrefixLayers == prefixLayers);
        var parts = Parts(models, methods);

        var outputs = Run(parts);

        AreClose(parts, outputs);
    }

    [TestMethod]
    [DataRow("bert", 0)]
    [DataRow("deberta-v2", 0)]
    [DataRow("deberta-v3", 1)]
    public void Models_that_read_the_first_token_alone_give_in_one_batch_what_each_gives_alone(string family, int prefixLayers)
    {
        using var models = new MixedModels(family, inF64: true);
        var methods = MixedModels.Methods.Where(method => method is DeepPrefix prefix && prefix.PrefixLayers == prefixLayers);
        var parts = Parts(models, methods, kind => kind.Task.Head.ReadsSentenceTokenOnly);

        AreClose(parts, Run(parts));
    }

    [TestMethod]
    [DataRow(1, false, 1)]
    [DataRow(3, false, 1)]
    [DataRow(1, true, 4)]
    [DataRow(3, true, 4)]
    public void As_many_tokens_leave_the_last_layer_as_heads_read(int sentenceModels, bool beside, int expected)
    {
        using var models = new MixedModels(inF64: true);
        CountingBackbone? counting = null;
        PromptModel Create(PromptTask task, int i) =>
            models.Create(task, new DeepPrefix { PrefixLength = 3 }, i, inner => counting ??= new CountingBackbone(inner)).Model;
        ModelPart[] parts = [.. Enumerable.Range(0, sentenceModels).Select(i => new ModelPart(Create(Any.Regression, i), Part(2, 9, 8, 3)))];
        if (beside)
            parts = [.. parts, new(Create(Any.Tagging(2), sentenceModels), Part(2, 9, 3))];

        Run(parts);

        CollectionAssert.AreEqual(new long[] { 4, 4, expected }, counting!.TokensLeft);
    }

    [TestMethod]
    [DataRow("bert", 0)]
    [DataRow("deberta-v2", 0)]
    [DataRow("bert", 1)]
    [DataRow("deberta-v2", 1)]
    public void Parts_of_many_models_in_16_bits_give_what_each_gives_alone_but_for_rounding(string family, int prefixLayers)
    {
        var methods = MixedModels.Methods.Where(method => method is DeepPrefix prefix && prefix.PrefixLayers == prefixLayers).ToArray();
        var alone = AloneInF32(noise: null);
        var rounding = Enumerable.Range(1, 4).Max(seed =>
        {
            using var noise = new WeightNoise(seed, RoundingOfBFloat16);
            return Furthest(alone, AloneInF32(noise));
        });
        using var models = new MixedModels(family, BackbonePrecision.BFloat16);

        var outputs = Run(Parts(models, methods));

        Assert.IsLessThan(rounding, Furthest(alone, outputs));

        float[][] AloneInF32(WeightNoise? noise)
        {
            using var models = new MixedModels(family, BackbonePrecision.Float32, noise);
            return [.. Parts(models, methods).Select(part => OneCore(() => Alone(part)))];
        }
    }

    [TestMethod]
    public void Heads_without_a_prefix_share_a_batch()
    {
        using var models = new MixedModels(inF64: true);
        var parts = Parts(models, [new LinearProbe()]);

        AreClose(parts, Run(parts));
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    [DataRow("deberta-v2")]
    [DataRow("deberta-v3")]
    public void Low_rank_models_of_several_ranks_give_in_one_batch_what_each_gives_alone(string family)
    {
        using var models = new MixedModels(family, inF64: true);
        var parts = Parts(models, Enumerable.Range(1, 3).Select(rank => new LowRankAdaptation { Rank = rank, Alpha = 0.5, Targets = LowRankTargets.All }));

        AreClose(parts, Run(parts));
    }

    [TestMethod]
    public void Low_rank_models_of_the_top_layer_share_the_trunk()
    {
        using var models = new MixedModels(inF64: true);
        CountingBackbone? counting = null;
        ModelPart[] parts = [.. Enumerable.Range(1, 3).Select(rank => new ModelPart(
            models.Create(
                Any.Regression, new LowRankAdaptation { Rank = rank, Layers = 1 }, rank, inner => counting ??= new CountingBackbone(inner)).Model,
            Part(2, 9, 8, 3)))];

        var outputs = Run(parts);

        CollectionAssert.AreEqual(new[] { 1, 1, 3 }, counting!.Rows);
        AreClose(parts, outputs);
    }

    [TestMethod]
    public void Parts_keep_their_order_though_models_alternate()
    {
        using var models = new MixedModels(inF64: true);
        var parts = Parts(models, [new DeepPrefix { PrefixLength = 3 }, new DeepPrefix { PrefixLength = 7 }]);
        parts = [.. parts, .. parts.Reverse(), .. parts];

        AreClose(parts, Run(parts));
    }

    /// <summary>16 positions: a text of 12 tokens would not go behind a prefix of 7.</summary>
    [TestMethod]
    public void Long_row_may_stand_beside_one_that_begins_late()
    {
        using var models = new MixedModels(inF64: true);
        var late = models.Create(Any.Regression, new DeepPrefix { PrefixLength = 7 }).Model;
        var early = models.Create(Any.Regression, new DeepPrefix { PrefixLength = 7, PositionOffset = PositionOffset.None }).Model;
        ModelPart[] parts = [new(late, Part(2, 9, 3)), new(early, Part(2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 3))];

        AreClose(parts, Run(parts));
    }

    [TestMethod]
    public void A_text_goes_through_the_trunk_once_for_all_models_and_through_the_prompted_layers_once_for_each()
    {
        using var models = new MixedModels(inF64: true);
        CountingBackbone? counting = null;
        ModelPart[] parts = [.. Enumerable.Range(0, 5).Select(i => new ModelPart(
            models.Create(Any.Regression, new DeepPrefix { PrefixLength = 3, PrefixLayers = 1 }, i, inner => counting ??= new CountingBackbone(inner)).Model,
            Part(2, 9, 8, 3)))];
        parts = [.. parts, parts[0] with { Part = Part(2, 7, 3) }];

        var outputs = Run(parts);

        CollectionAssert.AreEqual(new[] { 2, 2, 6 }, counting!.Rows);
        AreClose(parts, outputs);
    }

    [TestMethod]
    public void Same_text_at_other_positions_is_another_text()
    {
        using var models = new MixedModels(inF64: true);
        CountingBackbone? counting = null;
        ModelPart[] parts = [.. new[] { PositionOffset.None, PositionOffset.Prefix }.Select(offset => new ModelPart(
            models.Create(
                Any.Regression, new DeepPrefix { PrefixLength = 3, PrefixLayers = 1, PositionOffset = offset }, 1,
                inner => counting ??= new CountingBackbone(inner)).Model,
            Part(2, 9, 8, 3)))];

        var outputs = Run(parts);

        Assert.AreEqual(2, counting!.Rows[0]);
        AreClose(parts, outputs);
    }

    /// <summary>Methods with a prompt in the input; models of one of them share a batch.</summary>
    public static IEnumerable<object[]> Prompted =>
        from family in (string[])["bert", "roberta", "deberta-v3"]
        from method in (TuningMethod[])
        [
            new PromptTuning { Length = 3 },
            new PromptTuning { Length = 3, Placement = PromptPlacement.AfterFirstToken },
            new PromptTuning { Length = 2, ReadsPrompt = true },
            new PTuningV1 { Length = 5 },
        ]
        select new object[] { family, method };

    [TestMethod]
    [DynamicData(nameof(Prompted))]
    public void Prompts_of_many_models_in_one_batch_give_what_each_gives_alone(string family, TuningMethod method)
    {
        using var models = new MixedModels(family, inF64: true);
        var parts = Parts(models, [method, method]);

        AreClose(parts, Run(parts));
    }

    [TestMethod]
    public void Batch_leaves_no_tensor_behind()
    {
        using var models = new MixedModels(inF64: true);
        var parts = Parts(models, MixedModels.Methods.Where(method => method is DeepPrefix prefix && prefix.PrefixLayers == 0));
        var before = LiveTensors.CountSettled();

        Run(parts);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    /// <summary>Rows of all tasks, or of some, for every method.</summary>
    private static ModelPart[] Parts(MixedModels models, IEnumerable<TuningMethod> methods, Func<TaskKind, bool>? isAsked = null) =>
    [
        .. methods.SelectMany((method, m) => TaskKind.All.Where(isAsked ?? (_ => true)).SelectMany((kind, k) =>
        {
            var model = models.Create(kind.Task, method, seed: 10 * m + k).Model;
            var examples = Read(model, Enumerable.Range(10 * m + k, 2).Select(MixedRow.Draw));
            return examples.SelectMany(e => e.Parts).Select(part => new ModelPart(model, part));
        })),
    ];

    private static IEnumerable<Example> Read(PromptModel model, IEnumerable<MixedRow> rows)
    {
        var data = new MLContext().Data.LoadFromEnumerable(rows);
        using var cursor = data.GetRowCursor(data.Schema);
        var read = model.Task.OpenRow(cursor, withTarget: false);
        while (cursor.MoveNext())
            yield return read()!(model.Tokenizer);
    }

    private static ExamplePart Part(params int[] ids) => new([new(ids, new int[ids.Length])], []);

    private static float[][] Run(IReadOnlyList<ModelPart> parts) => OneCore(() => MixedBatch.Run(parts));

    private static T OneCore<T>(Func<T> compute)
    {
        T? result = default;
        WorkerThreads.Shared.Run(1, _ => result = compute());
        return result!;
    }

    private static void AreClose(ModelPart[] parts, float[][] outputs)
    {
        Assert.HasCount(parts.Length, outputs);
        for (var i = 0; i < parts.Length; i++)
        {
            var alone = OneCore(() => Alone(parts[i]));
            Said.AreClose(new(alone, ""), new(outputs[i], ""), $"part {i}", LastDigit);
        }
    }

    private static float Furthest(float[][] expected, float[][] actual)
    {
        CollectionAssert.AreEqual(expected.Select(part => part.Length).ToArray(), actual.Select(part => part.Length).ToArray());
        Assert.IsTrue(actual.All(part => part.All(float.IsFinite)), "Not every number is finite.");
        return expected.Zip(actual).Max(parts => parts.First.Zip(parts.Second).Max(pair => MathF.Abs(pair.First - pair.Second)));
    }

    private static float[] Alone(ModelPart modelPart)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (model, part) = modelPart;
        var outputs = model.Network.Forward(EncodedRow.Collate([.. part.Sequences], model.Tokenizer.PadId, CPU), model.Tensors);
        return Predictor.ByPart(outputs, [part], model.Network.Head.IsPerToken)[0];
    }
}
