using System.Runtime.Intrinsics.X86;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

/// <summary>Our attention for BF16 and F32 against libtorch's in F64.</summary>
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
        GatePerRow,
        Scores,
        Later,
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
    [DataRow(9, 9, 4, 32, true, Masked.GatePerRow)]
    [DataRow(9, 9, 4, 32, false, Masked.Later)]
    [DataRow(1, 0, 37, 32, true, Masked.No)]
    public void Context_is_that_of_F64_but_for_rounding(int queries, int tokens, int prefixLength, int size, bool ownPrefix, Masked masked)
    {
        foreach (var type in LinearProduct.IsMklSlow ? (ScalarType[])[ScalarType.BFloat16, ScalarType.Float32] : [ScalarType.BFloat16])
            AssertContext(type, queries, tokens, prefixLength, size, ownPrefix, masked);
    }

    private void AssertContext(ScalarType type, int queries, int tokens, int prefixLength, int size, bool ownPrefix, Masked masked)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (q, k, v) = (Vectors(queries), Vectors(tokens), Vectors(tokens));
        Tensor Vectors(int count) => Split(_draw.Normal(Rows, count, Heads * size).to(type), size);
        var prefix = prefixLength == 0 ? null : Prefix(prefixLength, size, ownPrefix, masked);
        var keys = prefixLength + tokens;
        var mask = masked switch
        {
            Masked.Keys => Hidden(Rows, 1, 1, keys),
            Masked.Scores => Hidden(Rows, Heads, queries, keys),
            Masked.Later => Hidden(Rows, 1, queries, keys),
            _ => null,
        };

        var actual = PrefixedAttention.Attend(q, k, v, prefix, mask?.to(type));

        var exact = prefix is null ? null : prefix with { Keys = InF64(prefix.Keys), Values = InF64(prefix.Values) };
        var expected = PrefixedAttention.Attend(InF64(q), InF64(k), InF64(v), exact, mask is null ? null : InF64(mask.to(type)));
        Assert.IsTrue(Avx512Attention.Suits(q));
        CollectionAssert.AreEqual(new long[] { Rows, Heads, queries, size }, actual.shape);
        Assert.AreEqual(type, actual.dtype);
        AreRounded(expected, actual, largest: 5, depth: size + keys);
    }

    /// <summary>As GPT-2's layer gives them, and as a text that was read before stands where a prefix does.</summary>
    [TestMethod]
    public void Vectors_of_one_product_and_a_prefix_in_BF16_are_read_where_they_are()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var all = _draw.Normal(Rows, 6, 3 * Heads * 32).to(ScalarType.BFloat16).chunk(3, -1);
        var (q, k, v) = (Split(all[0], 32), Split(all[1], 32), Split(all[2], 32));
        var read = Half(11, 32);

        var actual = PrefixedAttention.Attend(q, k, v, new LayerPrefix(read, read), mask: null);

        var expected = PrefixedAttention.Attend(InF64(q), InF64(k), InF64(v), new LayerPrefix(InF64(read), InF64(read)), mask: null);
        Assert.IsTrue(Avx512Attention.Suits(q));
        AreRounded(expected, actual, largest: 5, depth: 32 + 17);
    }

    [TestMethod]
    public void Prefix_of_other_rows_heads_or_sizes_is_refused()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var text = Half(4, 32);

        foreach (var shape in new long[][] { [Rows + 1, Heads, 2, 32], [Rows, Heads - 1, 2, 32], [Rows, Heads, 2, 64] })
        {
            var prefix = _draw.Normal(shape);
            var e = Assert.ThrowsExactly<ArgumentException>(() => Avx512Attention.Attend(text, text, text, new LayerPrefix(prefix, prefix), mask: null));
            Assert.AreEqual($"Expected vectors [{Rows}, {Heads}, 2, 32], found [{string.Join(", ", shape)}].", e.Message);
        }
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
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 32).to(ScalarType.Float16)));
        Assert.AreEqual(LinearProduct.IsMklSlow, Avx512Attention.Suits(Half(4, 32).to(ScalarType.Float32)));
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 24)));
        Assert.IsFalse(Avx512Attention.Suits(Half(4, 32).transpose(2, 3).contiguous().transpose(2, 3)));
    }

    /// <summary>As an encoder's layer gives them: the heads of a token side by side.</summary>
    private Tensor Half(int tokens, int size) => Split(_draw.Normal(Rows, tokens, Heads * size).to(ScalarType.BFloat16), size);

    private static Tensor Split(Tensor x, int size) => x.view(Rows, x.size(1), Heads, size).transpose(1, 2);

    private LayerPrefix Prefix(int length, int size, bool own, Masked masked)
    {
        Tensor Vectors() => own ? _draw.Normal(Rows, Heads, length, size) : _draw.Normal(length, 2, Heads, size).select(1, 1); // Not contiguous, as a layer's.
        var gate = masked switch { Masked.Gate => _draw.Normal(Heads), Masked.GatePerRow => _draw.Normal(Rows, Heads), _ => null };
        return new LayerPrefix(Vectors(), Vectors(), LogGate: gate);
    }

    private Tensor Hidden(params long[] shape) => AttentionMask.ToScores(_draw.Normal(shape).gt(-0.5).to(ScalarType.Float32), ScalarType.Float32);

    private static Tensor InF64(Tensor x) => x.to(ScalarType.Float64);

    /// <summary>
    /// BF16 rounds the result by 2^-8 of itself at most. Before, sums of n terms in F32 are off by n · 2^-24 of their magnitudes: scores here stay below
    /// 2^6, so a probability by 2^6 n · 2^-24 of itself, and the context by twice that of the largest value.
    /// </summary>
    private static void AreRounded(Tensor expected, Tensor actual, double largest, int depth)
    {
        var bound = expected.abs() * (actual.dtype == ScalarType.BFloat16 ? Math.Pow(2, -8) : 0) + largest * depth * Math.Pow(2, 7 - 24);
        Assert.IsLessThanOrEqualTo(0, ((InF64(actual) - expected).abs() - bound).max().item<double>());
    }
}
