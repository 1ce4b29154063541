using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Methods;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Encoders in 16 bits against the same in F32.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class BackbonePrecisionTests
{
    private const int Layers = 3;

    /// <summary>Every family, in every type that is not F32, with the largest relative error of rounding to it.</summary>
    public static IEnumerable<object[]> Families =>
        from family in new[] { "bert", "roberta", "electra", "distilbert", "albert", "deberta", "deberta-v2", "deberta-v3", "glm", "chatglm" }
        from type in new (BackbonePrecision Precision, double Rounding)[]
        {
            (BackbonePrecision.BFloat16, Math.Pow(2, -8)), (BackbonePrecision.Float16, Math.Pow(2, -11)),
        }
        select new object[] { family, type.Precision, type.Rounding };

    /// <summary>One of plain attention; one of relative positions, with a convolution.</summary>
    public static IEnumerable<object[]> TwoFamilies => Families.Where(row => row[0] is "bert" or "deberta-v2");

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Hidden_states_are_those_of_F32_but_for_rounding(string family, BackbonePrecision precision, double rounding)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Create(family);
        using Backbone full = Backbone.Load(checkpoint.Path, CPU), half = Backbone.Load(checkpoint.Path, CPU, precision);
        var prefix = randn([2, Layers, 2, 2, 4], generator: new Generator(3));
        DeepPrefix method = new() { PrefixLength = 2 };

        var expected = method.Adapt(full).Forward(Batch(), prefix);
        var actual = method.Adapt(half).Forward(Batch(), prefix);

        Assert.AreEqual(ScalarType.Float32, actual.dtype);
        AreClose(expected, actual, 8 * Layers * rounding);
    }

    /// <summary>So that a model in 16 bits may be larger than memory.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [DataRow("BF16", BackbonePrecision.BFloat16, true)]
    [DataRow("F16", BackbonePrecision.Float16, true)]
    [DataRow("BF16", BackbonePrecision.Float32, false)]
    [DataRow("BF16", BackbonePrecision.Float16, false)]
    public void Weights_that_are_stored_in_the_precision_stay_in_the_file(string storage, BackbonePrecision precision, bool staysMapped)
    {
        using var checkpoint = new TinyCheckpoint().Save(Enum.Parse<SafetensorsStorage>(storage));
        using (var backbone = Backbone.Load(checkpoint.Path, CPU, precision))
        {
            Assert.AreEqual(precision.ElementType(), backbone.ElementType);
            Assert.AreEqual(staysMapped, IsMapped());
        }
        Assert.IsFalse(IsMapped());

        bool IsMapped() => File.ReadLines("/proc/self/maps").Any(line => line.Contains(checkpoint.Path, StringComparison.Ordinal));
    }

    [TestMethod]
    [DynamicData(nameof(TwoFamilies))]
    public void Gradients_of_a_prefix_are_those_of_F32_but_for_rounding(string family, BackbonePrecision precision, double rounding)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Create(family);
        using Backbone full = Backbone.Load(checkpoint.Path, CPU), half = Backbone.Load(checkpoint.Path, CPU, precision);

        AreClose(Gradient(full), Gradient(half), 32 * Layers * rounding);

        static Tensor Gradient(Backbone backbone)
        {
            using var generator = new Generator(3);
            var prefix = randn([2, Layers, 2, 2, 4], generator: generator).requires_grad_();
            var hidden = new DeepPrefix { PrefixLength = 2 }.Adapt(backbone).Forward(Batch(), prefix);
            (hidden * randn(hidden.shape, generator: generator)).sum().backward();
            return prefix.grad!;
        }
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")]
    public void Dropout_leaves_hidden_states_their_type(string family)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Create(family);
        using var backbone = Backbone.Load(checkpoint.Path, CPU, BackbonePrecision.BFloat16);
        using var generator = new Generator(3);
        var dropout = new Dropout(0.5, generator);

        var output = backbone.RunLayers(backbone.Embed(Batch(), 0, dropout: dropout), Batch(), tuning: null, 0, Layers, dropout);

        Assert.AreEqual(ScalarType.BFloat16, output.dtype);
    }

    [TestMethod]
    public void Pooler_is_that_of_F32_but_for_rounding()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Create("bert");
        using Backbone full = Backbone.Load(checkpoint.Path, CPU), half = Backbone.Load(checkpoint.Path, CPU, BackbonePrecision.BFloat16);
        var hidden = randn([2, 3, 8], generator: new Generator(3));

        var pooled = half.Pool(hidden);

        Assert.AreEqual(ScalarType.Float32, pooled.dtype);
        AreClose(full.Pool(hidden), pooled, 8 * Math.Pow(2, -8));
    }

    [TestMethod]
    [DataRow(BackbonePrecision.Float32, false, ScalarType.Float32)]
    [DataRow(BackbonePrecision.BFloat16, false, ScalarType.BFloat16)]
    [DataRow(BackbonePrecision.Float16, false, ScalarType.Float16)]
    [DataRow(BackbonePrecision.Float16, true, ScalarType.Float16)]
    [DataRow(BackbonePrecision.Float32, true, ScalarType.Float32)]
    public void Weights_are_resident_in_the_type_that_was_asked_for(BackbonePrecision precision, bool storedInHalf, ScalarType expected)
    {
        using var checkpoint = new TinyCheckpoint().Save(storedInHalf ? SafetensorsStorage.F16 : SafetensorsStorage.F32);
        var family = BackboneFamilies.Find("bert")!;
        var declared = family.Declare(BackboneConfiguration.Read(checkpoint.Path));
        using var file = SafetensorsFile.Open(checkpoint.WeightsPath);

        using var tensors = FrozenTensors.Load(file, family.Keys, declared, CPU, precision.ElementType());

        Assert.IsTrue(declared.All(tensor => tensors[tensor.Name].dtype == expected));
    }

    [TestMethod]
    public void Loading_in_16_bits_leaves_no_other_tensors_behind()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        var before = LiveTensors.CountSettled();

        Backbone.Load(checkpoint.Path, CPU, BackbonePrecision.BFloat16).Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    /// <summary>Weights small enough for attention to look at several tokens: where it looks at one, rounding decides at which.</summary>
    private static TinyCheckpoint Create(string family)
    {
        var checkpoint = family.StartsWith("deberta", StringComparison.Ordinal) ? DebertaCheckpoints.Create(family) : new TinyCheckpoint(family);
        foreach (var (name, weights) in checkpoint.Tensors)
        {
            if (name.EndsWith("orm.weight", StringComparison.Ordinal))
                weights.fill_(1);
            else
                weights.mul_(0.3);
        }
        return checkpoint.Save();
    }

    private static EncodedBatch Batch() =>
        EncodedRow.Collate([new([2, 9, 8, 7, 3], [0, 0, 0, 0, 0]), new([2, 6, 3], [0, 0, 0])], padId: 0, CPU);

    /// <param name="share">Of the largest number: rounding errors of sums are in proportion to it.</param>
    private static void AreClose(Tensor expected, Tensor actual, double share)
    {
        Assert.IsFalse(expected.equal(actual).all().item<bool>(), "The same to the last bit: not computed in another type.");
        Numbers.AreClose(expected, actual, absolute: share * expected.abs().max().item<float>(), relative: 0);
    }
}
