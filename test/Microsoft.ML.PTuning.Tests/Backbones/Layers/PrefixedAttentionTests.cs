using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

[TestClass]
[TestCategory("Numeric")]
public sealed class PrefixedAttentionTests
{
    private const int Rows = 3, Heads = 2, Tokens = 5, Size = 4, PrefixLength = 3;

    private readonly Draw _draw = new();

    [TestMethod]
    public void Attend_without_a_prefix_is_plain_attention()
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();

        Numbers.AreClose(ByHand(q, k, v, seen: null), PrefixedAttention.Attend(q, k, v, prefix: null, mask: null));
    }

    [TestMethod]
    public void Attend_puts_a_shared_prefix_before_every_row()
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();
        var (prefixKeys, prefixValues) = (_draw.Normal(PrefixLength, Heads, Size), _draw.Normal(PrefixLength, Heads, Size));

        var expected = ByHand(q, Joined(row => prefixKeys, k), Joined(row => prefixValues, v), seen: null);

        Numbers.AreClose(expected, PrefixedAttention.Attend(q, k, v, new LayerPrefix(prefixKeys, prefixValues), mask: null));
    }

    [TestMethod]
    public void Attend_puts_each_rows_own_prefix_before_it()
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();
        var (prefixKeys, prefixValues) = (_draw.Normal(Rows, Heads, PrefixLength, Size), _draw.Normal(Rows, Heads, PrefixLength, Size));

        var expected = ByHand(
            q, Joined(row => prefixKeys[row].transpose(0, 1), k), Joined(row => prefixValues[row].transpose(0, 1), v), seen: null);

        Numbers.AreClose(expected, PrefixedAttention.Attend(q, k, v, new LayerPrefix(prefixKeys, prefixValues), mask: null));
    }

    [TestMethod]
    public void Attend_sees_the_prefix_and_no_padding()
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();
        var (prefixKeys, prefixValues) = (_draw.Normal(PrefixLength, Heads, Size), _draw.Normal(PrefixLength, Heads, Size));
        int[] lengths = [5, 2, 3];

        var expected = ByHand(
            q, Joined(row => prefixKeys, k), Joined(row => prefixValues, v), seen: (row, key) => key < PrefixLength + lengths[row]);

        var mask = new AttentionMask(Batch(lengths)).For(PrefixLength);
        Numbers.AreClose(expected, PrefixedAttention.Attend(q, k, v, new LayerPrefix(prefixKeys, prefixValues), mask));
    }

    [TestMethod]
    [DataRow(ScalarType.BFloat16)]
    [DataRow(ScalarType.Float16)]
    public void Attend_in_16_bits_rounds_only_its_result_and_not_the_prefix(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();
        var (q16, k16, v16) = (q.to(type), k.to(type), v.to(type));
        Tensor[] exact = [_draw.Normal(PrefixLength, Heads, Size).requires_grad_(true), _draw.Normal(PrefixLength, Heads, Size).requires_grad_(true)];
        Tensor[] half = [.. exact.Select(x => x.detach().clone().requires_grad_(true))];
        var batch = Batch([5, 2, 3]);

        var expected = PrefixedAttention.Attend(
            q16.to(ScalarType.Float32), k16.to(ScalarType.Float32), v16.to(ScalarType.Float32), new LayerPrefix(exact[0], exact[1]),
            new AttentionMask(batch).For(PrefixLength)).to(type);
        var actual = PrefixedAttention.Attend(q16, k16, v16, new LayerPrefix(half[0], half[1]), new AttentionMask(batch, type).For(PrefixLength));
        expected.sum().backward();
        actual.sum().backward();

        Assert.AreEqual(type, actual.dtype);
        Assert.IsTrue(expected.Equals(actual));
        foreach (var (x, y) in exact.Zip(half))
            Assert.IsTrue(x.grad!.Equals(y.grad!));
    }

    [TestMethod]
    public void Attend_at_dropout_rate_zero_equals_attention_without_dropout()
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();
        var prefix = new LayerPrefix(_draw.Normal(PrefixLength, Heads, Size), _draw.Normal(PrefixLength, Heads, Size));
        var mask = new AttentionMask(Batch([5, 2, 3])).For(PrefixLength);
        using var generator = new Generator(1);

        var expected = PrefixedAttention.Attend(q, k, v, prefix, mask);

        Numbers.AreClose(expected, PrefixedAttention.Attend(q, k, v, prefix, mask, new Dropout(0, generator)));
    }

    [TestMethod]
    public void Attend_drops_probabilities_and_scales_the_others()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var again = new Generator(1);
        var (q, k, v) = Text();

        var actual = PrefixedAttention.Attend(q, k, v, prefix: null, mask: null, new Dropout(0.5, generator));

        var kept = new Dropout(0.5, again).Apply(ones(Rows, Heads, Tokens, Tokens)); // 0 or 2
        Numbers.AreClose(matmul(Probabilities(q, k, seen: null) * kept, v), actual);
    }

    [TestMethod]
    [DataRow(5, 5, 5)]
    [DataRow(5, 2, 3)]
    public void Attend_does_not_see_the_padding_of_a_shorter_prefix(params int[] lengths)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Text();
        var prefix = new LayerPrefix(
            _draw.Normal(Rows, Heads, PrefixLength, Size), _draw.Normal(Rows, Heads, PrefixLength, Size),
            tensor([1f, 1, 1, 1, 0, 0, 0, 0, 0], Rows, PrefixLength));
        int[] prefixLengths = [3, 1, 0];
        var batch = Batch(lengths);
        var mask = new AttentionMask(lengths.All(length => length == Tokens) ? batch with { Mask = null } : batch).For(prefix);

        var expected = ByHand(
            q, cat([prefix.Keys, k], 2), cat([prefix.Values, v], 2),
            (row, key) => key < PrefixLength ? key < prefixLengths[row] : key - PrefixLength < lengths[row]);

        Numbers.AreClose(expected, PrefixedAttention.Attend(q, k, v, prefix, mask));
    }

    [TestMethod]
    public void Prefixes_of_one_length_with_other_masks_have_masks_of_their_own()
    {
        using var scope = NewDisposeScope();
        var mask = new AttentionMask(Batch([5, 2, 3]));
        var real = ones(Rows, PrefixLength);

        Assert.AreNotSame(mask.For(PrefixLength), mask.For(PrefixLength, real));
        Assert.AreSame(mask.For(PrefixLength, real), mask.For(PrefixLength, real));
    }

    [TestMethod]
    public void A_mask_is_built_once_for_a_prefix_length()
    {
        using var scope = NewDisposeScope();
        var mask = new AttentionMask(Batch([5, 2, 3]));

        Assert.AreSame(mask.For(PrefixLength), mask.For(PrefixLength));
    }

    [TestMethod]
    public void There_is_no_mask_where_no_row_is_padded()
    {
        using var scope = NewDisposeScope();
        var ids = zeros(Rows, Tokens, ScalarType.Int64);

        Assert.IsNull(new AttentionMask(new EncodedBatch(ids, ids, Mask: null)).For(PrefixLength));
    }

    private static EncodedBatch Batch(int[] lengths)
    {
        var mask = zeros(Rows, Tokens);
        for (var row = 0; row < Rows; row++)
            mask[row].narrow(0, 0, lengths[row]).fill_(1);
        var ids = zeros(Rows, Tokens, ScalarType.Int64);
        return new EncodedBatch(ids, ids, mask);
    }

    private (Tensor Q, Tensor K, Tensor V) Text() =>
        (_draw.Normal(Rows, Heads, Tokens, Size), _draw.Normal(Rows, Heads, Tokens, Size), _draw.Normal(Rows, Heads, Tokens, Size));

    /// <summary>Row by row, a prefix <c>[P, h, D]</c> before the text's keys or values.</summary>
    private static Tensor Joined(Func<int, Tensor> prefix, Tensor text) =>
        stack(Enumerable.Range(0, Rows).Select(row => cat([prefix(row).transpose(0, 1), text[row]], 1)));

    private static Tensor ByHand(Tensor q, Tensor k, Tensor v, Func<int, int, bool>? seen) => matmul(Probabilities(q, k, seen), v);

    /// <summary>exp(q·k / √D) over the keys seen, divided by their sum, number by number.</summary>
    private static Tensor Probabilities(Tensor q, Tensor k, Func<int, int, bool>? seen)
    {
        var keys = (int)k.size(2);
        var probabilities = zeros(Rows, Heads, Tokens, keys);
        for (var row = 0; row < Rows; row++)
        {
            for (var head = 0; head < Heads; head++)
            {
                for (var query = 0; query < Tokens; query++)
                {
                    var weights = new double[keys];
                    for (var key = 0; key < keys; key++)
                    {
                        if (seen?.Invoke(row, key) ?? true)
                            weights[key] = Math.Exp((q[row, head, query] * k[row, head, key]).sum().item<float>() / Math.Sqrt(Size));
                    }

                    for (var key = 0; key < keys; key++)
                        probabilities[row, head, query, key] = (float)(weights[key] / weights.Sum());
                }
            }
        }

        return probabilities;
    }
}
