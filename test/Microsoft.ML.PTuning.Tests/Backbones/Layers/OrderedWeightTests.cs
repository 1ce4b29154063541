using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class OrderedWeightTests
{
    private const int From = 96, To = 160;

    private readonly Draw _draw = new();

    [TestMethod]
    [DataRow(ScalarType.Float32, 64, false)]
    [DataRow(ScalarType.Float32, 513, false)]
    [DataRow(ScalarType.Float32, 65, true)]
    [DataRow(ScalarType.BFloat16, 64, false)]
    [DataRow(ScalarType.BFloat16, 513, false)]
    [DataRow(ScalarType.BFloat16, 65, true)]
    public void Product_is_that_of_F64_but_for_rounding(ScalarType type, int tokens, bool gelu)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (x, w, b) = (_draw.Normal(1, tokens, From).to(type), _draw.Normal(To, From).to(type), _draw.Normal(To).to(type));
        using var ordered = new OrderedWeight(w);
        RequireProduct(type);

        var actual = OneDnnProduct.Of(x, ordered.For(x)!, b, gelu);

        var sum = nn.functional.linear(InF64(x), InF64(w), InF64(b));
        var expected = gelu ? nn.functional.gelu(sum) : sum;
        CollectionAssert.AreEqual(new long[] { 1, tokens, To }, actual.shape);
        Assert.AreEqual(type, actual.dtype);

        // A sum of n terms in F32 is off by n · 2^-24 of their magnitudes, and GELU grows by 1.13 of its argument; its erf is a polynomial.
        var bound = nn.functional.linear(InF64(x).abs(), InF64(w).abs(), InF64(b).abs()) * (1.13 * (From + 1) * Math.Pow(2, -24))
            + (gelu ? sum.abs() * Math.Pow(2, -20) : zeros(1, ScalarType.Float64))
            + (type == ScalarType.BFloat16 ? expected.abs() * Math.Pow(2, -8) : zeros(1, ScalarType.Float64));
        Assert.IsLessThanOrEqualTo(0, ((InF64(actual) - expected).abs() - bound).max().item<double>());
    }

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.BFloat16)]
    public void Weight_is_ordered_for_many_tokens_of_its_type_without_gradients(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (x, w) = (_draw.Normal(64, From).to(type), _draw.Normal(To, From).to(type));
        using OrderedWeight ordered = new(w), small = new(w.narrow(0, 0, 63));
        Assert.IsNull(ordered.For(x));
        using var frozen = no_grad();

        Assert.IsNull(ordered.For(x.narrow(0, 0, 63)));
        Assert.IsNull(ordered.For(x.to(ScalarType.Float16)));
        Assert.IsNull(small.For(x));
        RequireProduct(type);
        Assert.IsNotNull(ordered.For(x));
    }

    [TestMethod]
    public void Several_threads_order_a_weight_once_and_its_memory_is_freed()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var type = LinearProduct.IsMklSlow ? ScalarType.Float32 : ScalarType.BFloat16;
        RequireProduct(type);
        var (x, w, b) = (_draw.Normal(64, From).to(type), _draw.Normal(To, From).to(type), _draw.Normal(To).to(type));
        var before = LiveTensors.CountSettled();
        var ordered = new OrderedWeight(w);
        var found = new Tensor?[4];

        Parallel.For(0, found.Length, i =>
        {
            using var own = NewDisposeScope();
            using var frozenHere = no_grad();
            found[i] = ordered.For(x);
            OneDnnProduct.Of(x, found[i]!, b, gelu: true);
        });

        Assert.HasCount(1, found.Distinct(ReferenceEqualityComparer.Instance));
        Assert.AreEqual(before + 1, LiveTensors.Count);
        ordered.Dispose();
        Assert.AreEqual(before, LiveTensors.Count);
    }

    private static void RequireProduct(ScalarType type)
    {
        if ((type == ScalarType.Float32 && !LinearProduct.IsMklSlow) || !OneDnnProduct.Suits(type))
            Assert.Inconclusive($"On this processor products in {type} are libtorch's.");
    }

    private static Tensor InF64(Tensor x) => x.to(ScalarType.Float64);
}
