using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Scoring;

[TestClass]
public sealed class MixedBatchPlannerTests
{
    private readonly MixedModels _models = new();

    [TestCleanup]
    public void Free() => _models.Dispose();

    [TestMethod]
    [DataRow(2048, 64)]
    [DataRow(10, 64)]
    [DataRow(2048, 2)]
    [DataRow(int.MaxValue, int.MaxValue)]
    public void Every_part_is_planned_once_within_the_limits(int budget, int maxParts)
    {
        var parts = MixedModels.Methods.SelectMany((method, m) => Enumerable.Range(1, 9).Select(length => Part(method, m, length))).ToArray();

        var planned = MixedBatchPlanner.Plan(parts, budget, maxParts).ToArray();

        CollectionAssert.AreEquivalent(parts, planned.SelectMany(batch => batch).ToArray());
        foreach (var batch in planned)
        {
            Assert.IsLessThanOrEqualTo(maxParts, batch.Length);
            Assert.IsTrue(batch.Length == 1 || batch.Max(p => p.Part.Length) * batch.Length <= budget);
            Assert.HasCount(1, batch.Select(p => p.Row.Model.Network.Encoder.TrunkLayers).Distinct());
        }
    }

    [TestMethod]
    public void Rows_of_one_depth_share_batches_whatever_their_models()
    {
        var parts = Enumerable.Range(0, 12).Select(i => Part(new DeepPrefix { PrefixLength = 3 + i % 2 }, i, length: 5)).ToArray();

        CollectionAssert.AreEqual(new[] { 4, 4, 4 }, MixedBatchPlanner.Plan(parts, 20, 64).Select(batch => batch.Length).ToArray());
    }

    [TestMethod]
    public void Low_rank_models_share_batches_if_they_change_the_same_layers()
    {
        TuningMethod[] methods =
        [
            new LowRankAdaptation { Rank = 1 }, new LowRankAdaptation { Rank = 2 }, new LowRankAdaptation { Rank = 2, Layers = 1 },
            new LowRankAdaptation { Rank = 1, Targets = LowRankTargets.All }, new FineTuning(), new FineTuning(),
        ];
        var parts = methods.Select((method, i) => Part(method, i, length: 5)).ToArray();

        CollectionAssert.AreEquivalent(new[] { 2, 1, 1, 1, 1 }, MixedBatchPlanner.Plan(parts, 2048, 64).Select(batch => batch.Length).ToArray());
    }

    [TestMethod]
    public void Models_with_a_trunk_stay_together_over_one_text_though_smaller_batches_are_wanted()
    {
        var method = new DeepPrefix { PrefixLength = 3, PrefixLayers = 1 };
        QueuedPart[] parts = [.. Enumerable.Range(0, 12).Select(i => Part(method, i, length: 5, firstId: 6 + i % 2))];

        var planned = MixedBatchPlanner.Plan(parts, 15, 64).ToArray();

        Assert.HasCount(2, planned);
        foreach (var batch in planned)
            Assert.HasCount(1, batch.Select(p => p.Part.Sequences[0].Ids[0]).Distinct());
    }

    private QueuedPart Part(TuningMethod method, int seed, int length, int firstId = 6)
    {
        var ids = Enumerable.Repeat(7, length).ToArray();
        ids[0] = firstId;
        var part = new ExamplePart([new(ids, new int[length])], []);
        return new QueuedPart(new QueuedRow(_models.Create(Any.Regression, method, seed).Model, new Example([part], IsTruncated: false)), 0);
    }
}
