using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Which keys a batch's attention may see: every prefix position, every token, no padding. One forward's worth.</summary>
/// <param name="type">The type of queries and keys.</param>
internal sealed class AttentionMask(EncodedBatch batch, ScalarType type = ScalarType.Float32)
{
    /// <summary>Added to a hidden key's score: its softmax is exactly 0 then, and a row with nothing to see gives no NaN. F16 has less.</summary>
    private readonly float _hidden = type == ScalarType.Float16 ? -32752 : -1e9f;

    private readonly Dictionary<int, Tensor> _byPrefixLength = [];

    /// <summary>The mask of a layer with <paramref name="prefixLength"/> prefix positions, built at its first use in the current dispose scope.</summary>
    /// <returns>0 where a key may be seen, a large negative number elsewhere, <c>[B, 1, 1, P + T]</c>; null where all may be.</returns>
    public Tensor? For(int prefixLength)
    {
        if (batch.Mask is null)
            return null;
        if (!_byPrefixLength.TryGetValue(prefixLength, out var mask))
            _byPrefixLength[prefixLength] = mask = Build(batch.Mask, prefixLength);
        return mask;
    }

    private Tensor Build(Tensor real, int prefixLength)
    {
        var rows = real.size(0);
        var tokens = real.MinusOne().Times(-_hidden).to(type);                                       // [B, T]
        var keys = prefixLength == 0 ? tokens : cat([tokens.new_zeros(rows, prefixLength), tokens], 1);
        return keys.view(rows, 1, 1, -1);
    }
}

/// <summary>Clears padding where a batch has some.</summary>
internal static class OptionalMask
{
    /// <param name="real">1 at a token, 0 at padding, of a shape that <paramref name="x"/>'s contains; null where no row is padded.</param>
    public static Tensor Masked(this Tensor x, Tensor? real) => real is null ? x : x * real.to(x.dtype);
}
