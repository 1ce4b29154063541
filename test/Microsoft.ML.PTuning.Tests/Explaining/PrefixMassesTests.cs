using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Tests.Explaining;

[TestClass]
[TestCategory("Numeric")]
public sealed class PrefixMassesTests
{
    public static IEnumerable<object[]> Families => ExplainedEncoder.Families.Select(family => new object[] { family });

    /// <summary>He et al. 2022, section 3.1: from the layer's input, the checkpoint's weights and the prefix, without the library's attention.</summary>
    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta")]
    [DataRow("deberta-v3")]
    public void Mass_is_the_prefixs_share_of_the_sum_of_exponentials_averaged_over_the_tokens(string family)
    {
        using var scope = NewDisposeScope();
        using var encoder = new ExplainedEncoder(family);

        var report = encoder.Measure([0, 1, 2]);

        Assert.AreEqual(9, report.Tokens);
        foreach (var layer in ExplainedEncoder.PrefixLayers)
        {
            var byToken = cat([.. ExplainedEncoder.Rows.Select(row => Shares(encoder, family, layer, row))], 1).mean([1]);     // [h, P]
            for (var head = 0; head < ExplainedEncoder.Heads; head++)
                for (var position = 0; position < ExplainedEncoder.Positions; position++)
                    Assert.AreEqual(byToken[head, position].item<double>(), report.MassAt(layer, head, position), 1e-5, $"layer {layer}, head {head}, position {position}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Layers_with_a_prefix_have_a_mass_and_layers_without_have_none(string family)
    {
        using var encoder = new ExplainedEncoder(family);

        var report = encoder.Measure([0, 1, 2]);

        CollectionAssert.AreEqual(ExplainedEncoder.PrefixLayers, report.PrefixLayers.ToArray());
        Assert.IsTrue(report.HeadMasses[0].Concat(report.HeadMasses[2]).All(mass => mass is > 0 and < 1), report.ToString());
        Assert.IsTrue(report.HeadMasses[1].All(mass => mass == 0), report.ToString());
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Batches_make_no_difference(string family)
    {
        using var encoder = new ExplainedEncoder(family);

        var (together, apart) = (encoder.Measure([0, 1, 2]), encoder.Measure([2], [1, 0]));

        for (var layer = 0; layer < ExplainedEncoder.Layers; layer++)
            for (var head = 0; head < ExplainedEncoder.Heads; head++)
                for (var position = 0; position < ExplainedEncoder.Positions; position++)
                    Assert.AreEqual(together.MassAt(layer, head, position), apart.MassAt(layer, head, position), 1e-5);
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Hidden_states_are_the_same_under_an_observer(string family)
    {
        using var scope = NewDisposeScope();
        using var encoder = new ExplainedEncoder(family);
        var layers = new List<int>();
        var real = EncodedRow.Collate(ExplainedEncoder.Rows, 0, CPU).Mask!.unsqueeze(-1);

        var observed = encoder.Forward((layer, _) => layers.Add(layer)) * real;

        Numbers.AreClose(encoder.Forward(observe: null) * real, observed, absolute: 1e-4, relative: 1e-4); // Two orders of summing, through three layers.
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, layers);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Measuring_leaves_no_tensor_behind()
    {
        using var encoder = new ExplainedEncoder("bert");
        encoder.Measure([0, 1, 2]);
        var before = LiveTensors.CountSettled();

        encoder.Measure([0], [1, 2]);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    /// <summary>The share of each token's attention that each prefix position has, F64 <c>[h, T, P]</c>.</summary>
    private static Tensor Shares(ExplainedEncoder encoder, string family, int layer, EncodedRow row)
    {
        var hidden = encoder.InputOf(layer, row);
        var scores = family switch
        {
            "bert" => BertScores(encoder, layer, hidden),
            "deberta" => DebertaScores(encoder, layer, hidden, FusedProjections(encoder, layer)),
            _ => DebertaScores(encoder, layer, hidden, SeparateProjections(encoder, layer)),
        };
        var exponentials = scores.to(ScalarType.Float64).exp();
        return exponentials.narrow(2, 0, ExplainedEncoder.Positions) / exponentials.sum(-1, keepdim: true);
    }

    /// <returns><c>[h, T, P + T]</c>.</returns>
    private static Tensor BertScores(ExplainedEncoder encoder, int layer, Tensor hidden)
    {
        var self = $"encoder.layer.{layer}.attention.self";
        var q = ByHead(Linear(encoder, $"{self}.query", hidden));
        var k = ByHead(Linear(encoder, $"{self}.key", hidden));
        return matmul(q, cat([encoder.KeysOf(layer).transpose(0, 1), k], 1).transpose(1, 2)) / 2;                               // √D
    }

    /// <summary>He et al. 2021, a pair of tokens at a time; the prefix has the content term only.</summary>
    private static Tensor DebertaScores(ExplainedEncoder encoder, int layer, Tensor hidden, Projections project)
    {
        var (q, k) = (project.Queries(hidden), project.Keys(hidden));
        var (positionKeys, positionQueries) = (project.PositionKeys, project.PositionQueries);                                  // [h, 2R, D]
        var scores = matmul(q, cat([encoder.KeysOf(layer).transpose(0, 1), k], 1).transpose(1, 2));
        var (tokens, middle) = ((int)hidden.size(0), positionKeys.size(1) / 2);
        for (var i = 0; i < tokens; i++)
        {
            for (var j = 0; j < tokens; j++)
            {
                var distance = Math.Sign(i - j) * Math.Min(Math.Abs(i - j), 3);                                                   // Beyond 2, v3 has one bucket here.
                scores[TensorIndex.Colon, i, ExplainedEncoder.Positions + j].add_(
                    (q.select(1, i) * positionKeys.select(1, middle + distance)).sum(-1)
                    + (k.select(1, j) * positionQueries.select(1, middle + distance)).sum(-1));
            }
        }
        return scores / Math.Sqrt(4 * 3);
    }

    private static Projections FusedProjections(ExplainedEncoder encoder, int layer)
    {
        var self = $"encoder.layer.{layer}.attention.self";
        var (table, fused) = (encoder.Weight("encoder.rel_embeddings.weight"), encoder.Weight($"{self}.in_proj.weight").view(2, 3, 4, 8)); // [h, 3, D, H]
        return new(
            Queries: x => ByHead(functional.linear(x, fused.select(1, 0).reshape(8, 8), encoder.Weight($"{self}.q_bias"))),
            Keys: x => ByHead(functional.linear(x, fused.select(1, 1).reshape(8, 8))),
            PositionKeys: ByHead(functional.linear(table, encoder.Weight($"{self}.pos_proj.weight"))),
            PositionQueries: ByHead(Linear(encoder, $"{self}.pos_q_proj", table)));
    }

    private static Projections SeparateProjections(ExplainedEncoder encoder, int layer)
    {
        var self = $"encoder.layer.{layer}.attention.self";
        var table = functional.layer_norm(
            encoder.Weight("encoder.rel_embeddings.weight"), [8], encoder.Weight("encoder.LayerNorm.weight"), encoder.Weight("encoder.LayerNorm.bias"), 1e-5);
        return new(
            x => ByHead(Linear(encoder, $"{self}.query_proj", x)), x => ByHead(Linear(encoder, $"{self}.key_proj", x)),
            ByHead(Linear(encoder, $"{self}.key_proj", table)), ByHead(Linear(encoder, $"{self}.query_proj", table)));
    }

    private static Tensor Linear(ExplainedEncoder encoder, string module, Tensor x) =>
        functional.linear(x, encoder.Weight($"{module}.weight"), encoder.Weight($"{module}.bias"));

    /// <returns><c>[h, T, D]</c>.</returns>
    private static Tensor ByHead(Tensor x) => x.view(x.size(0), 2, 4).transpose(0, 1);

    private sealed record Projections(Func<Tensor, Tensor> Queries, Func<Tensor, Tensor> Keys, Tensor PositionKeys, Tensor PositionQueries);
}
