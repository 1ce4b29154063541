using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Which keys a batch's attention may see: every prefix position that a row has, every token, no padding. Serves one forward pass.</summary>
/// <param name="type">The type of queries and keys.</param>
/// <param name="causalFrom">
/// The first token that sees none of the tokens after it, as all later ones; the tokens before it see each other. Null where all tokens see all.
/// </param>
internal sealed class AttentionMask(EncodedBatch batch, ScalarType type = ScalarType.Float32, int? causalFrom = null)
{
    /// <summary>Added to the score of a masked key. Its softmax is then exactly 0, and a row of masked keys only gives no NaN.</summary>
    private const float Hidden = -1e9f, HalfHidden = -32752; // F16 ends at -65504, and a score is added to it.

    private readonly int _tokens = batch.Length + batch.DecoderLength;
    private readonly Tensor? _real = batch.ReadMask;
    private readonly List<(int PrefixLength, Tensor? Prefix, Tensor Mask)> _built = [];

    /// <summary>The mask of a layer with <paramref name="prefixLength"/> prefix positions, built at its first use in the current scope.</summary>
    /// <param name="prefix">1 where a row has a prefix position, 0 where not, <c>[B, P]</c>; null where all prefixes are equally long.</param>
    /// <returns>
    /// 0 where a key may be seen, a large negative number elsewhere, <c>[B, 1, 1, P + T]</c>, causal <c>[B, 1, T, P + T]</c>; null where all may be. T
    /// counts the tokens of the text and those that the decoder reads.
    /// </returns>
    public Tensor? For(int prefixLength, Tensor? prefix = null)
    {
        if (_real is null && prefix is null && causalFrom is null)
            return null;
        foreach (var built in _built)
            if (built.PrefixLength == prefixLength && ReferenceEquals(built.Prefix, prefix))
                return built.Mask;

        var mask = Build(prefixLength, prefix);
        _built.Add((prefixLength, prefix, mask));
        return mask;
    }

    /// <inheritdoc cref="For(int, Tensor?)"/>
    public Tensor? For(LayerPrefix? prefix) => For(prefix?.Length ?? 0, prefix?.Mask);

    /// <param name="real">1 at what may be seen, 0 elsewhere.</param>
    /// <returns>0 at what may be seen, a large negative number elsewhere.</returns>
    public static Tensor ToScores(Tensor real, ScalarType type) =>
        real.MinusOne().Times(type == ScalarType.Float16 ? -HalfHidden : -Hidden).to(type);

    private Tensor Build(int prefixLength, Tensor? prefix)
    {
        var device = batch.Ids.device;
        var tokens = _real is { } real ? ToScores(real, type) : zeros(batch.Rows, _tokens, type, device);  // [B, T]
        var keys = prefixLength == 0
            ? tokens
            : cat([prefix is null ? zeros(batch.Rows, prefixLength, type, device) : ToScores(prefix, type), tokens], 1);
        var byRow = keys.view(batch.Rows, 1, 1, -1);
        return causalFrom is { } first ? byRow.Plus(Later(first, prefixLength, device)) : byRow;
    }

    /// <summary>Hides later tokens, <c>[T, P + T]</c>.</summary>
    private Tensor Later(int first, int prefixLength, Device device)
    {
        var visible = ones(_tokens, _tokens, ScalarType.Float32, device).tril();
        if (first > 0)
            visible = cat([ones(_tokens, first, ScalarType.Float32, device), visible.narrow(1, first, _tokens - first)], 1);
        return nn.functional.pad(ToScores(visible, type), [prefixLength, 0]);
    }
}

/// <summary>Sets padding to 0 where a batch has any.</summary>
internal static class OptionalMask
{
    /// <param name="real">1 at a token, 0 at padding, of a shape that broadcasts to that of <paramref name="x"/>; null where no row is padded.</param>
    public static Tensor Masked(this Tensor x, Tensor? real) => real is null ? x : x * real.to(x.dtype);
}
