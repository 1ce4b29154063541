using System.Runtime.Intrinsics.X86;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

/// <summary>Our attention for BF16 against libtorch's in F64.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class Avx512AttentionTests
{
    private const int Rows = 2, Heads = 3;

    private readonly Draw _draw = new();

    public enum Masked
    {
        No,
        Keys,
        Gate,
        Scores,
    }

    [TestInitialize]
    public void RequireProcessor()
    {
        if (!Avx512F.IsSupported)
            Assert.Inconclusive("This processor has no AVX-512.");
    }

    [TestMethod]
    [DataRow(1, 1, 0, 32, false, Masked.No)]
    [DataRow(42, 42, 20, 32, false, Masked.No)]
    [DataRow(42, 42, 20, 32, true, Masked.Keys)]
    [DataRow(1, 44, 20, 64, false, Masked.Keys)]
    [DataRow(5, 33, 0, 64, false, Masked.Scores)]
    [DataRow(7, 7, 3, 96, true, Masked.Gate)]
    [DataRow(130, 130, 1, 32, false, Masked.Gate)]
    public void Context_is_that_of_F64_but_for_rounding(int queries, int tokens, int prefixLength, int size, bool ownPrefix, Masked masked)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (q, k, v) = (Half(queries, size), Half(tokens, size), Half(tokens, size));
        var prefix = prefixLength == 0 ? null : Prefix(prefixLength, size, ownPrefix, withGate: masked == Masked.Gate);
        var keys = prefixLength + tokens;
        var mask = masked switch
        {
            Masked.Keys => Hidden(Rows, 1, 1, keys),
            Masked.Scores => Hidden(Rows, Heads, queries, keys),
            _ => null,
        };

        var actual = PrefixedAttention.Attend(q, k, v, prefix, mask?.to(ScalarType.BFloat16));

        var exact = prefix is null ? null : prefix with { Keys = InF64(prefix.Keys), Values = InF64(prefix.Values) };
        var expected = PrefixedAttention.Attend(InF64(q), InF64(k), InF64(v), exact, mask is null ? null : InF64(mask.to(ScalarType.BFloat16)));
        Assert.IsTrue(Avx512Attention.Suits(q));
        CollectionAssert.AreEqual(new long[] { Rows, Heads, queries, size }, actual.shape);
        Assert.AreEqual(ScalarType.BFloat16, actual.dtype);
        AreRounded(expected, actual, InF64(v).abs().max(), depth: size + keys);
    }

    [TestMethod]
    public void Joined_context_needs_no_copy()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();

        var context = Avx512Attention.Attend(Half(4, 32), Half(6, 32), Half(6, 32), prefix: null, mask: null);

        Assert.IsTrue(context.transpose(1, 2).is_contiguous());
    }

    [TestMethod]
    public void Queries_in_another_type_or_with_gradients_or_of_other_sizes_are_libtorchs()
    {
        using var scope = NewDisposeScope();
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 32)));
        using var frozen = no_grad();

        Assert.IsTrue(Avx512Attention.Suits(Half(4, 32)));
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 32).to(ScalarType.Float32)));
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 24)));
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 32).transpose(2, 3).contiguous().transpose(2, 3)));
    }

    /// <summary>As an encoder's layer gives them: the heads of a token side by side.</summary>
    private Tensor Half(int tokens, int size) => _draw.Normal(Rows, tokens, Heads * size).to(ScalarType.BFloat16).view(Rows, tokens, Heads, size).transpose(1, 2);

    private LayerPrefix Prefix(int length, int size, bool own, bool withGate)
    {
        Tensor Vectors() => own ? _draw.Normal(Rows, Heads, length, size) : _draw.Normal(length, 2, Heads, size).select(1, 1); // Not contiguous, as a layer's.
        return new LayerPrefix(Vectors(), Vectors(), LogGate: withGate ? _draw.Normal(Heads) : null);
    }

    private Tensor Hidden(params long[] shape) => AttentionMask.ToScores(_draw.Normal(shape).gt(-0.5).to(ScalarType.Float32), ScalarType.Float32);

    private static Tensor InF64(Tensor x) => x.to(ScalarType.Float64);

    /// <summary>
    /// BF16 rounds the result by 2^-9 of itself. Before, sums of n terms in F32 are off by n · 2^-24 of their magnitudes: scores here stay below 2^6, so
    /// a probability by 2^6 n · 2^-24 of itself, and the context by twice that of the largest value.
    /// </summary>
    private static void AreRounded(Tensor expected, Tensor actual, Tensor largest, int depth)
    {
        var bound = expected.abs() * Math.Pow(2, -8) + largest * (depth * Math.Pow(2, 7 - 24));
        Assert.IsLessThanOrEqualTo(0, ((InF64(actual) - expected).abs() - bound).max().item<double>());
    }
}
