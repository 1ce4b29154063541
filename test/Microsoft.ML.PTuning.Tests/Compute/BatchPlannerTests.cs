using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Tests.Compute;

[TestClass]
public sealed class BatchPlannerTests
{
    [TestMethod]
    [DataRow(1, 32)]
    [DataRow(32, 32)]
    [DataRow(100, 32)]
    [DataRow(5000, 7)]
    [DataRow(100, int.MaxValue / 2)]
    [DataRow(100, int.MaxValue)]
    public void PlanEpoch_holds_every_row_once(int rows, int batchSize)
    {
        var batches = BatchPlanner.PlanEpoch(Lengths(rows), batchSize, new Random(1));

        CollectionAssert.AreEqual(Enumerable.Range(0, rows).ToArray(), batches.SelectMany(batch => batch).Order().ToArray());
    }

    [TestMethod]
    [DataRow(1, 32, 1)]
    [DataRow(64, 32, 2)]
    [DataRow(5000, 7, 715)]
    public void PlanEpoch_fills_all_batches_but_one(int rows, int batchSize, int expected)
    {
        var batches = BatchPlanner.PlanEpoch(Lengths(rows), batchSize, new Random(1));

        Assert.HasCount(expected, batches);
        Assert.HasCount((rows - 1) % batchSize + 1, batches.MinBy(batch => batch.Length)!);
        Assert.IsTrue(batches.Count(batch => batch.Length != batchSize) <= 1);
    }

    [TestMethod]
    public void PlanEpoch_puts_the_longest_row_of_a_batch_first()
    {
        var lengths = Lengths(3000);

        foreach (var batch in BatchPlanner.PlanEpoch(lengths, 16, new Random(1)))
            CollectionAssert.AreEqual(batch.Select(row => lengths[row]).OrderDescending().ToArray(), batch.Select(row => lengths[row]).ToArray());
    }

    [TestMethod]
    public void PlanEpoch_is_the_same_for_the_same_seed()
    {
        var lengths = Lengths(1000);

        CollectionAssert.AreEqual(Flat(BatchPlanner.PlanEpoch(lengths, 32, new Random(5))), Flat(BatchPlanner.PlanEpoch(lengths, 32, new Random(5))));
    }

    [TestMethod]
    public void PlanEpoch_is_another_for_every_epoch()
    {
        var lengths = Lengths(1000);
        var random = new Random(5);

        CollectionAssert.AreNotEqual(Flat(BatchPlanner.PlanEpoch(lengths, 32, random)), Flat(BatchPlanner.PlanEpoch(lengths, 32, random)));
    }

    [TestMethod]
    public void PlanEpoch_does_not_go_from_long_to_short()
    {
        var lengths = Lengths(1024);

        var longest = BatchPlanner.PlanEpoch(lengths, 32, new Random(5)).Select(batch => lengths[batch[0]]).ToArray();

        CollectionAssert.AreNotEqual(longest.OrderDescending().ToArray(), longest);
    }

    [TestMethod]
    public void PlanEpoch_pads_less_than_half_as_much_as_a_random_order()
    {
        var lengths = Lengths(4000);
        var shuffled = Enumerable.Range(0, lengths.Length).ToArray();
        new Random(2).Shuffle(shuffled);

        var padding = Padding(lengths, BatchPlanner.PlanEpoch(lengths, 32, new Random(1)));

        Assert.IsLessThan(Padding(lengths, shuffled.Chunk(32)) / 2, padding);
    }

    [TestMethod]
    [DataRow(0, 100)]
    [DataRow(1, 100)]
    [DataRow(500, 1)]
    [DataRow(500, 128)]
    [DataRow(500, int.MaxValue)]
    public void PlanByTokens_holds_every_row_once(int rows, int budget)
    {
        var batches = BatchPlanner.PlanByTokens(Lengths(rows), OneEach(rows), budget);

        CollectionAssert.AreEqual(Enumerable.Range(0, rows).ToArray(), batches.SelectMany(batch => batch).Order().ToArray());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(60)]
    [DataRow(1000)]
    public void PlanByTokens_keeps_to_the_budget_with_padding_unless_a_row_alone_exceeds_it(int budget)
    {
        var lengths = Lengths(500);

        foreach (var batch in BatchPlanner.PlanByTokens(lengths, OneEach(lengths.Length), budget))
            Assert.IsTrue(batch.Length == 1 || batch.Length * batch.Max(row => lengths[row]) <= budget);
    }

    [TestMethod]
    public void PlanByTokens_fills_its_batches()
    {
        var batches = BatchPlanner.PlanByTokens(Enumerable.Repeat(10, 95).ToArray(), OneEach(95), tokenBudget: 109);

        CollectionAssert.AreEqual(Enumerable.Repeat(10, 9).Append(5).ToArray(), batches.Select(batch => batch.Length).ToArray());
    }

    [TestMethod]
    public void PlanByTokens_counts_all_sequences_of_a_row()
    {
        var batches = BatchPlanner.PlanByTokens([10, 10, 10, 10], [2, 2, 3, 1], tokenBudget: 40);

        CollectionAssert.AreEqual(new[] { "0 1", "2 3" }, batches.Select(batch => string.Join(' ', batch)).ToArray());
    }

    [TestMethod]
    public void PlanByTokens_keeps_to_the_budget_where_the_tokens_are_more_than_an_int_holds() =>
        Assert.HasCount(3, BatchPlanner.PlanByTokens([int.MaxValue, int.MaxValue, int.MaxValue], OneEach(3), tokenBudget: 100));

    [TestMethod]
    [DataRow(1, 4)]
    [DataRow(3, 4)]
    [DataRow(4, 4)]
    [DataRow(32, 1)]
    [DataRow(33, 4)]
    public void Split_gives_parts_that_follow_each_other_and_hold_a_row_at_least(int rows, int parts)
    {
        var lengths = Lengths(rows).OrderDescending().ToArray();

        var ranges = BatchPlanner.Split(lengths, parts);

        Assert.HasCount(Math.Min(rows, parts), ranges);
        Assert.IsTrue(ranges.All(range => range.GetOffsetAndLength(rows).Length > 0));
        CollectionAssert.AreEqual(lengths, ranges.SelectMany(range => lengths[range]).ToArray());
    }

    [TestMethod]
    public void Split_gives_every_part_its_row_where_one_row_outweighs_all_others()
    {
        int[] lengths = [1000, 1, 1, 1];

        CollectionAssert.AreEqual(new[] { 1, 1, 1, 1 }, BatchPlanner.Split(lengths, 4).Select(range => lengths[range].Length).ToArray());
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    [DataRow(8)]
    public void Split_balances_tokens_to_within_a_row(int parts)
    {
        var lengths = Lengths(64).OrderDescending().ToArray();

        var tokens = BatchPlanner.Split(lengths, parts).Select(range => lengths[range].Sum()).ToArray();

        Assert.IsLessThanOrEqualTo(2 * lengths[0], tokens.Max() - tokens.Min());
    }

    /// <summary>Lengths as real texts have them: most are short, few are long.</summary>
    /// <summary>Rows of one sequence.</summary>
    private static int[] OneEach(int rows) => [.. Enumerable.Repeat(1, rows)];

    private static int[] Lengths(int rows)
    {
        var random = new Random(rows);
        return [.. Enumerable.Range(0, rows).Select(_ => Math.Clamp((int)Math.Exp(3 + 0.7 * Normal(random)), 3, 128))];
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static int[] Flat(IEnumerable<int[]> batches) => [.. batches.SelectMany(batch => batch)];

    private static int Padding(int[] lengths, IEnumerable<int[]> batches) =>
        batches.Sum(batch => batch.Sum(row => batch.Max(other => lengths[other]) - lengths[row]));
}
