using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

[TestClass]
[TestCategory("Numeric")]
public sealed class DisentangledAttentionTests : IDisposable
{
    private const int Length = 5, PrefixLength = 2;

    /// <summary>8 hidden units in 2 heads, 8 relative positions.</summary>
    private readonly Tensor _table;
    private readonly FrozenLinear _keys, _queries;
    private readonly Tensor _q, _k, _v;
    private readonly LayerPrefix _prefix;

    public DisentangledAttentionTests()
    {
        var draw = new Draw();
        _table = draw.Normal(16, 8);
        (_keys, _queries) = (new(draw.Normal(8, 8), draw.Normal(8)), new(draw.Normal(8, 8), Bias: null));
        (_q, _k, _v) = (draw.Normal(2, 2, Length, 4), draw.Normal(2, 2, Length, 4), draw.Normal(2, 2, Length, 4));
        _prefix = new(draw.Normal(PrefixLength, 2, 4), draw.Normal(PrefixLength, 2, 4));
    }

    [TestMethod]
    [DataRow(true, true)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    public void Scores_sum_content_and_relative_positions(bool hasContentToPosition, bool hasPositionToContent)
    {
        using var scope = NewDisposeScope();
        var configuration = Configuration(hasContentToPosition, hasPositionToContent);
        using var attention = Attention(configuration);

        var context = attention.Attend(_q, _k, _v, _prefix, Window(attention, Length, configuration), mask: null, dropout: null);

        Numbers.AreClose(ByFormula(hasContentToPosition, hasPositionToContent), context);
    }

    [TestMethod]
    public void Dropout_of_nothing_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var configuration = Configuration(hasContentToPosition: true, hasPositionToContent: true);
        using var attention = Attention(configuration);
        var none = new Dropout(0, generator);

        var context = attention.Attend(_q, _k, _v, _prefix, Window(attention, Length, configuration, none), mask: null, none);

        Numbers.AreClose(attention.Attend(_q, _k, _v, _prefix, Window(attention, Length, configuration), mask: null, dropout: null), context);
    }

    [TestMethod]
    public void A_masked_token_is_as_good_as_not_there()
    {
        using var scope = NewDisposeScope();
        var configuration = Configuration(hasContentToPosition: true, hasPositionToContent: true);
        using var attention = Attention(configuration);
        var mask = tensor(new[] { 0, 0, 0, 0, -1e9f }).view(1, 1, 1, Length);

        var context = attention.Attend(_q, _k, _v, _prefix, Window(attention, Length, configuration), mask, dropout: null);

        var shorter = attention.Attend(
            Shortened(_q), Shortened(_k), Shortened(_v), _prefix, Window(attention, Length - 1, configuration), mask: null, dropout: null);
        Numbers.AreClose(shorter, Shortened(context));
    }

    private static PositionWindow Window(DisentangledAttention attention, int length, DebertaConfiguration configuration, Dropout? dropout = null) =>
        attention.Window(RelativePositions.Of(length, configuration, CPU), changedTable: null, changes: null, dropout);

    public void Dispose()
    {
        foreach (var tensor in (Tensor?[])[_table, _keys.Weight, _keys.Bias, _queries.Weight, _q, _k, _v, _prefix.Keys, _prefix.Values])
            tensor?.Dispose();
    }

    private static Tensor Shortened(Tensor x) => x.narrow(2, 0, Length - 1);

    private DisentangledAttention Attention(DebertaConfiguration configuration) =>
        new(_table, configuration.HasContentToPosition ? _keys : null, configuration.HasPositionToContent ? _queries : null, configuration);

    /// <summary>He et al. 2021, equation 4 with the published code's sign, a pair of tokens at a time; the prefix has the first term only.</summary>
    private Tensor ByFormula(bool hasContentToPosition, bool hasPositionToContent)
    {
        var keys = ByHead(_keys.Forward(_table));          // [h, 2R, D]
        var queries = ByHead(_queries.Forward(_table));
        var terms = 1 + (hasContentToPosition ? 1 : 0) + (hasPositionToContent ? 1 : 0);
        var (prefixedKeys, prefixedValues) = _prefix.Prepend(_k, _v);
        var scores = matmul(_q, prefixedKeys.transpose(2, 3));
        for (var i = 0; i < Length; i++)
        {
            for (var j = 0; j < Length; j++)
            {
                var score = scores[TensorIndex.Colon, TensorIndex.Colon, i, PrefixLength + j];
                if (hasContentToPosition)
                    score.add_((_q.select(2, i) * keys.select(1, 8 + i - j)).sum(-1));
                if (hasPositionToContent)
                    score.add_((_k.select(2, j) * queries.select(1, 8 + i - j)).sum(-1));
            }
        }
        return matmul(nn.functional.softmax(scores / Math.Sqrt(4 * terms), -1), prefixedValues);
    }

    private static Tensor ByHead(Tensor x) => x.view(16, 2, 4).transpose(0, 1);

    private static DebertaConfiguration Configuration(bool hasContentToPosition, bool hasPositionToContent)
    {
        using var checkpoint = DebertaCheckpoints.Create("deberta", configuration => configuration["max_relative_positions"] = 8);
        var configuration = (DebertaConfiguration)BackboneConfiguration.Read(checkpoint.Path);
        return configuration with { HasContentToPosition = hasContentToPosition, HasPositionToContent = hasPositionToContent };
    }
}
