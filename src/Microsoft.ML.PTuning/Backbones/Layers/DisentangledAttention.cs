using Microsoft.ML.PTuning.Backbones.Families;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Attention whose scores are sums of separate terms for content and relative position (He et al. 2021).</summary>
/// <remarks>
/// The score of query i and key j is <c>(Qᵢ·Kⱼ + Qᵢ·KPᵢ₋ⱼ + Kⱼ·QPᵢ₋ⱼ) / √(D · terms)</c>, where KP and QP are the relative embeddings' keys and
/// queries. Both are looked up at i - j, as in the code that published checkpoints were trained with; the paper has QP at j - i. Prefix keys
/// have no position: their score is content only. The embeddings are frozen, so KP and QP are computed once.
/// </remarks>
internal sealed class DisentangledAttention : IDisposable
{
    private readonly Tensor _table;                 // [2R, H]
    private readonly FrozenLinear? _keyProjection, _queryProjection;
    private readonly Tensor? _keys, _queries;       // [h, 2R, D], divided by √D (keys) and √(D · terms) (queries)
    private readonly int _heads;
    private readonly double _termsRoot, _sizeRoot;  // √terms, √D

    /// <param name="table">The relative embeddings, <c>[2R, H]</c>; they outlive the attention.</param>
    /// <param name="keys">Makes keys of them; null where scores have no term of content to position.</param>
    /// <param name="queries">Makes queries of them; null where scores have no term of position to content.</param>
    public DisentangledAttention(Tensor table, FrozenLinear? keys, FrozenLinear? queries, DebertaConfiguration configuration)
    {
        (_table, _keyProjection, _queryProjection) = (table, keys, queries);
        (_heads, _termsRoot, _sizeRoot) = (configuration.Heads, Math.Sqrt(configuration.ScoreTerms), Math.Sqrt(configuration.HeadSize));

        using var frozen = no_grad();
        (_keys, _queries) = (Keys(table, changes: null), Queries(table, changes: null));
    }

    /// <summary>Takes the computed keys and queries out of the dispose scope in which they were made.</summary>
    public void Keep()
    {
        _keys?.DetachFromDisposeScope();
        _queries?.DetachFromDisposeScope();
    }

    /// <param name="q">Queries of all tokens, or of the first ones, <c>[B, h, Q, D]</c>.</param>
    /// <param name="k">Keys of the text, <c>[B, h, T, D]</c>.</param>
    /// <param name="v">Values of the text, <c>[B, h, T, D]</c>.</param>
    /// <param name="prefix">Keys and values of this layer; null where it has none.</param>
    /// <param name="positions">The result of <see cref="Window"/>.</param>
    /// <param name="mask">0 at a token, a large negative number at padding, <c>[B, 1, 1, T]</c>; null where no row is padded.</param>
    /// <param name="dropout">Dropout on attention probabilities; null for none.</param>
    /// <param name="observe">Is given the attention probabilities before dropout, <c>[B, h, Q, P + T]</c>; null for nothing.</param>
    /// <returns>Context, <c>[B, h, Q, D]</c>.</returns>
    public Tensor Attend(
        Tensor q, Tensor k, Tensor v, LayerPrefix? prefix, PositionWindow positions, Tensor? mask, Dropout? dropout, Action<Tensor>? observe = null)
    {
        q = q.DividedBy(_termsRoot);                                                   // The attention itself divides by √D.
        var bias = Bias(q, k, positions, mask);                                   // [B, h, Q, T]
        if (prefix is not null)
            bias = BesidePrefix(bias, prefix);                                    // [B, h, Q, P + T]
        return PrefixedAttention.Attend(q, k, v, prefix, bias, dropout, observe);
    }

    /// <summary>Keys and queries of the relative positions that a batch has.</summary>
    /// <param name="changedTable">The relative embeddings under a method's changes, <c>[2R, H]</c>; null where there are none.</param>
    /// <param name="dropout">Dropout on relative embeddings; null for none.</param>
    public PositionWindow Window(RelativePositions positions, Tensor? changedTable, WeightChanges? changes, Dropout? dropout)
    {
        if (dropout is null && changes is null)
            return new(_keys?.narrow(1, positions.First, positions.Count), _queries?.narrow(1, positions.First, positions.Count), positions.Rows);

        var rows = (changedTable ?? _table).narrow(0, positions.First, positions.Count).Drop(dropout);
        return new(Keys(rows, changes), Queries(rows, changes), positions.Rows);
    }

    public void Dispose()
    {
        _keys?.Dispose();
        _queries?.Dispose();
    }

    private static Tensor BesidePrefix(Tensor bias, LayerPrefix prefix)
    {
        if (prefix.Mask is not { } real)
            return functional.pad(bias, [prefix.Length, 0]);

        var hidden = AttentionMask.ToScores(real, bias.dtype).view(real.size(0), 1, 1, -1);   // [B, 1, 1, P]
        return cat([hidden.expand(-1, bias.size(1), bias.size(2), -1), bias], 3);
    }

    /// <summary>The sum that positions and mask add to the scores of the text, <c>[B, h, Q, T]</c>.</summary>
    private static Tensor Bias(Tensor q, Tensor k, PositionWindow positions, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        var rows = positions.Rows.narrow(0, 0, q.size(2));                        // [Q, T]

        Tensor? bias = null;
        if (positions.Keys is { } keys)
            bias = Gather(matmul(q, keys.transpose(-2, -1)), rows);
        if (positions.Queries is { } queries)
        {
            var toContent = Gather(matmul(k, queries.transpose(-2, -1)), rows.t()).transpose(2, 3);
            bias = bias is null ? toContent : bias.AddInPlace(toContent);
        }
        if (mask is not null)
            bias = bias!.AddInPlace(mask);
        return bias!.MoveToOuterDisposeScope();
    }

    /// <summary>Divided by √D only: the queries of the text are divided by √terms.</summary>
    private Tensor? Keys(Tensor rows, WeightChanges? changes) => Project(_keyProjection, rows, _sizeRoot, changes);

    private Tensor? Queries(Tensor rows, WeightChanges? changes) => Project(_queryProjection, rows, _sizeRoot * _termsRoot, changes);

    /// <param name="rows">Relative embeddings, <c>[W, H]</c>.</param>
    private Tensor? Project(FrozenLinear? projection, Tensor rows, double divisor, WeightChanges? changes)
    {
        if (projection?.Forward(rows, changes).DividedBy(divisor) is not { } projected)
            return null;

        return projected.view([.. projected.shape[..^1], _heads, -1]).transpose(-3, -2); // [h, W, D], or [B, h, W, D]
    }

    /// <summary>Selects each token pair's score from the scores with all positions.</summary>
    /// <param name="scores"><c>[B, h, n, W]</c>.</param>
    /// <param name="rows"><c>[n, m]</c>.</param>
    /// <returns><c>[B, h, n, m]</c>.</returns>
    private static Tensor Gather(Tensor scores, Tensor rows) => scores.gather(3, rows.expand(scores.size(0), scores.size(1), -1, -1));
}

/// <summary>The relative positions of a batch, as one layer's attention takes them.</summary>
/// <param name="Keys">
/// Their keys, <c>[h, W, D]</c>, or <c>[B, h, W, D]</c> where rows have changes of their own; null where scores have no term of content to position.
/// </param>
/// <param name="Queries">Their queries, of the same shape; null where scores have no term of position to content.</param>
/// <param name="Rows">As in <see cref="RelativePositions"/>.</param>
internal readonly record struct PositionWindow(Tensor? Keys, Tensor? Queries, Tensor Rows);
