using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
public sealed class TaskDrawTests
{
    private const int Draws = 20_000;

    [TestMethod]
    [DataRow(1.0, DisplayName = "in proportion to rows")]
    [DataRow(2.0, DisplayName = "in proportion to the root of rows")]
    [DataRow(0.5, DisplayName = "in proportion to the square of rows")]
    [DataRow(1e9, DisplayName = "all alike")]
    [DataRow(double.PositiveInfinity, DisplayName = "all alike, without bound")]
    [DataRow(1e-9, DisplayName = "the largest alone")]
    public void Task_is_drawn_in_proportion_to_a_power_of_its_rows(double temperature)
    {
        int[] rows = [10, 200, 1000];
        var powers = rows.Select(n => Math.Pow(n / 1000.0, 1 / temperature)).ToArray();

        var counts = Count(rows, temperature);

        for (var task = 0; task < rows.Length; task++)
        {
            var share = powers[task] / powers.Sum();
            var deviation = Math.Sqrt(Draws * share * (1 - share)); // Of the binomial distribution.
            Assert.AreEqual(Draws * share, counts[task], 4 * deviation, $"task {task}");
        }
    }

    [TestMethod]
    public void Task_without_rows_is_never_drawn() => Assert.AreEqual(0, Count([0, 3, 0], double.PositiveInfinity)[0]);

    [TestMethod]
    public void Same_seed_draws_the_same_tasks()
    {
        TaskDraw Draw() => new([5, 7], temperature: 1, new Random(3));
        var (first, second) = (Draw(), Draw());

        Assert.IsTrue(Enumerable.Range(0, 100).All(_ => first.Next() == second.Next()));
    }

    private static int[] Count(int[] rows, double temperature)
    {
        var draw = new TaskDraw(rows, temperature, new Random(1));
        var counts = new int[rows.Length];
        for (var i = 0; i < Draws; i++)
            counts[draw.Next()]++;
        return counts;
    }
}
