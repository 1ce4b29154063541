using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Fine-tuning and low-rank adaptation of encoders of all families, in F64, where only errors are larger than 1e-9.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class WeightMethodTests
{
    private const double Bound = 1e-9;

    public static IEnumerable<object[]> Families =>
        from family in new[] { "bert", "roberta", "electra", "distilbert", "albert", "deberta", "deberta-v2", "deberta-v3", "gpt2", "glm", "chatglm" }
        select new object[] { family };

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Fine_tuned_tensors_replace_all_of_the_encoders(string family)
    {
        using var scope = NewDisposeScope();
        using var folder = new EncoderFolder(family);
        using var frozen = folder.Load();
        using var other = folder.Load((_, weight) => weight.mul_(1.5).add_(0.1));
        using var tensors = new TrainedTensors();
        foreach (var name in frozen.Tensors.Names)
            tensors.Add(TrainedTensors.OfBackbone(name), other.Tensors[name].clone());
        var method = new FineTuning();
        var tuning = method.Tune(frozen, tensors, rows: 2, dropout: null);

        CollectionAssert.AreEquivalent(method.Declare(frozen).Select(tensor => tensor.Name).ToArray(), tensors.Names.ToArray());
        AreClose(other.Forward(Batch), frozen.Forward(Batch, tuning));
        if (frozen.HasPooler)
            AreClose(other.Pool(other.Forward(Batch)), frozen.Pool(frozen.Forward(Batch, tuning), tuning: tuning));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Fine_tuning_changes_the_language_models_head_too_and_keeps_its_words_tied(bool tied)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint(bend: configuration => configuration["tie_word_embeddings"] = tied);
        var draw = new Draw();
        checkpoint.Tensors["cls.predictions.transform.dense.weight"] = draw.Normal(8, 8);
        checkpoint.Tensors["cls.predictions.transform.dense.bias"] = draw.Normal(8);
        checkpoint.Tensors["cls.predictions.transform.LayerNorm.weight"] = draw.Normal(8);
        checkpoint.Tensors["cls.predictions.transform.LayerNorm.bias"] = draw.Normal(8);
        checkpoint.Tensors["cls.predictions.bias"] = draw.Normal(30);
        checkpoint.Tensors["cls.predictions.decoder.weight"] = draw.Normal(30, 8);
        using var frozen = Backbone.Load(checkpoint.Save().Path, CPU, withLanguageHead: true);
        using var changed = new TinyCheckpoint(bend: configuration => configuration["tie_word_embeddings"] = tied);
        foreach (var (name, tensor) in checkpoint.Tensors)
            changed.Tensors[name] = tensor.mul(1.25);
        using var other = Backbone.Load(changed.Save().Path, CPU, withLanguageHead: true);
        var method = new FineTuning();
        using var tensors = new TrainedTensors();
        foreach (var name in method.Declare(frozen).Select(tensor => tensor.Name))
        {
            var key = name[TrainedTensors.OfBackbone("").Length..];
            tensors.Add(name, (key.StartsWith("cls.", StringComparison.Ordinal) ? changed.Tensors[key] : other.Tensors[key]).clone());
        }
        var hidden = draw.Normal(3, 8);

        var changes = method.Tune(frozen, tensors, rows: 3, dropout: null).Weights;

        Assert.AreEqual(!tied, tensors.Contains("backbone.cls.predictions.decoder.weight"));
        Numbers.AreClose(other.LanguageHead!.Forward(hidden), frozen.LanguageHead!.Forward(hidden, changes), absolute: 0, relative: 0);
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Low_rank_adaptation_starts_from_the_encoder_as_it_is(string family)
    {
        using var scope = NewDisposeScope();
        using var folder = new EncoderFolder(family);
        using var backbone = Backbone.Load(folder.Path, CPU);
        using var generator = new Generator(1);
        var method = new LowRankAdaptation { Rank = 3, Targets = LowRankTargets.All };
        using var parameters = method.Create(backbone, new(Initializers.Normal(generator), Initializers.Zero));
        using var tensors = new TrainedTensors();
        foreach (var (name, value) in parameters.Values())
            tensors.Add(name, value.alias());

        var hidden = backbone.Forward(Batch, method.Tune(backbone, tensors, rows: 2, dropout: null));

        CollectionAssert.AreEqual(FrozenForward(backbone).data<float>().ToArray(), hidden.data<float>().ToArray());
        Assert.IsTrue(tensors.Where(tensor => tensor.Key.Contains("lora_A")).All(tensor => tensor.Value.abs().max().item<float>() > 0));
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Merged_weights_give_the_same_states(string family)
    {
        using var scope = NewDisposeScope();
        using var folder = new EncoderFolder(family);
        using var backbone = folder.Load();
        foreach (var targets in new[] { LowRankTargets.All, LowRankTargets.Queries | LowRankTargets.Values, LowRankTargets.FeedForward })
        {
            var method = new LowRankAdaptation { Rank = 2, Alpha = 3, Targets = targets, Merge = true };
            using var tensors = Random(method, backbone);
            tensors.Add("head.bias", zeros(3, ScalarType.Float64));
            var expected = backbone.Forward(Batch, method.Tune(backbone, tensors, rows: 2, dropout: null));

            var (merged, saved) = method.Finish(backbone, tensors);

            using (saved)
            {
                CollectionAssert.AreEquivalent(
                    merged.Declare(backbone).Select(tensor => tensor.Name).Append("head.bias").ToArray(), saved.Names.ToArray());
                AreClose(expected, backbone.Forward(Batch, merged.Tune(backbone, saved, rows: 2, dropout: null)));
                Assert.IsGreaterThan(1e-3, (expected - backbone.Forward(Batch)).abs().max().item<double>());
            }
        }
    }

    /// <summary>What PEFT calls the modules: query and value; in_proj of the first DeBERTa, c_attn of GPT-2.</summary>
    [TestMethod]
    [DataRow("bert", "encoder.layer.{0}.attention.self.query", "encoder.layer.{0}.attention.self.value")]
    [DataRow("deberta", "encoder.layer.{0}.attention.self.in_proj")]
    [DataRow("deberta-v3", "encoder.layer.{0}.attention.self.query_proj", "encoder.layer.{0}.attention.self.value_proj")]
    [DataRow("distilbert", "transformer.layer.{0}.attention.q_lin", "transformer.layer.{0}.attention.v_lin")]
    [DataRow("gpt2", "h.{0}.attn.c_attn")]
    public void Declares_a_pair_of_matrices_for_queries_and_values_of_every_layer(string family, params string[] modules)
    {
        using var folder = new EncoderFolder(family);
        using var backbone = Backbone.Load(folder.Path, CPU);
        var expected = from layer in Enumerable.Range(0, 3)
                       from module in modules
                       from matrix in new[] { "lora_A", "lora_B" }
                       select $"backbone.{string.Format(module, layer)}.{matrix}.weight";

        CollectionAssert.AreEqual(expected.ToArray(), new LowRankAdaptation { Rank = 2 }.Declare(backbone).Select(tensor => tensor.Name).ToArray());
    }

    [TestMethod]
    [DataRow(0, 3, 0)]
    [DataRow(1, 1, 2)]
    [DataRow(3, 3, 0)]
    public void Changes_as_many_layers_from_the_top_as_it_is_told(int layers, int changed, int first)
    {
        using var checkpoint = new TinyCheckpoint();
        using var backbone = checkpoint.Save().Load();
        var method = new LowRankAdaptation { Rank = 2, Layers = layers, Targets = LowRankTargets.Keys };

        Assert.AreEqual(first, method.Adapt(backbone).TrunkLayers);
        Assert.HasCount(2 * changed, method.Declare(backbone));
        Assert.AreEqual($"backbone.encoder.layer.{first}.attention.self.key.lora_A.weight", method.Declare(backbone)[0].Name);
    }

    [TestMethod]
    [DataRow("bert", 9, 0, "Rank is 9, but a weight that it changes has 8 inputs or outputs. Use 8 or less")]
    [DataRow("bert", 2, 4, "Layers is 4, but the backbone has 3 layers")]
    [DataRow("albert", 2, 1, "the layers of this albert backbone share their weights. Use 0 for all.")]
    [DataRow("albert", 2, 0, null)]
    [DataRow("bert", 8, 3, null)]
    public void Rank_and_layers_must_fit_the_encoder(string family, int rank, int layers, string? misfit)
    {
        using var checkpoint = new TinyCheckpoint(family);
        using var backbone = checkpoint.Save().Load();

        var found = new LowRankAdaptation { Rank = rank, Layers = layers, Targets = LowRankTargets.All }.FindMisfit(backbone, maxLength: 12);

        if (misfit is null)
            Assert.IsNull(found);
        else
            StringAssert.Contains(found, misfit);
    }

    /// <summary>A normal deviate's mean square is off by √(2 / n) of itself: by 1 / 45 for 4,096 numbers. Five times that are allowed.</summary>
    [TestMethod]
    public void First_matrix_has_the_variance_of_the_papers_code()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint(bend: configuration => configuration["hidden_size"] = 512);
        using var backbone = checkpoint.Save().Load();
        using var generator = new Generator(1);
        using var parameters = new LowRankAdaptation().Create(backbone, new(Initializers.Normal(generator), Initializers.Zero));

        var a = parameters.Values()["backbone.encoder.layer.0.attention.self.query.lora_A.weight"];

        Assert.AreEqual(1 / (3.0 * 512), a.square().mean().item<float>(), 5.0 / 45 / (3.0 * 512));
    }

    /// <summary>Two rows, one of them padded.</summary>
    private static EncodedBatch Batch => EncodedRow.Collate(
        [new([2, 9, 8, 7, 6, 3], new int[6]), new([2, 5, 11, 3], new int[4])], padId: 0, CPU);

    /// <summary>
    /// With a method that changes nothing. Without one DeBERTa takes keys of relative positions that it computed all at once, which rounds otherwise.
    /// </summary>
    private static Tensor FrozenForward(Backbone backbone) => backbone.Forward(Batch, new Tuning(Weights: new()));

    private static TrainedTensors Random(TuningMethod method, Backbone backbone)
    {
        using var generator = new Generator(4);
        var tensors = new TrainedTensors();
        foreach (var tensor in method.Declare(backbone))
            tensors.Add(tensor.Name, randn(tensor.Shape, backbone.ElementType, generator: generator));
        return tensors;
    }

    private static void AreClose(Tensor expected, Tensor actual) => Numbers.AreClose(expected, actual, absolute: Bound, relative: Bound);

    /// <summary>A tiny encoder of any family, its weights halved, so that states stay small.</summary>
    private sealed class EncoderFolder : IDisposable
    {
        private readonly TinyCheckpoint? _checkpoint;
        private readonly GoldenEncoder? _golden;

        public EncoderFolder(string family)
        {
            if (family == "gpt2")
            {
                _golden = BackboneGoldenTests.Open(family);
                return;
            }
            _checkpoint = family.StartsWith("deberta", StringComparison.Ordinal) ? DebertaCheckpoints.Create(family) : new TinyCheckpoint(family);
            foreach (var weight in _checkpoint.Tensors.Values)
                weight.mul_(0.5);
            _checkpoint.Save();
        }

        public string Path => _checkpoint?.Path ?? _golden!.Directory;

        public Backbone Load(Action<string, Tensor>? change = null) => TypedEncoder.Load(Path, ScalarType.Float64, change);

        public void Dispose()
        {
            _checkpoint?.Dispose();
            _golden?.Dispose();
        }
    }
}
