using System.Reflection;
using Microsoft.ML.PTuning.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Sweeps;

[TestClass]
public sealed class CandidatesTests
{
    private static readonly PropertyInfo Rate = Option("LearningRate"), Length = Option("PrefixLength"), Dropout = Option("PrefixDropout");

    [TestMethod]
    public void A_grid_has_every_combination()
    {
        SearchAxis[] axes =
        [
            new ValuesAxis(Length, [8, 16]), new RangeAxis(Rate, 1e-4, 1e-2, IsLogarithmic: true), new RangeAxis(Dropout, 0, 0.3, IsLogarithmic: false),
        ];

        IReadOnlyList<object[]> grid = Candidates.Grid(axes, steps: 3);

        Assert.HasCount(2 * 3 * 3, grid);
        CollectionAssert.AreEqual((object[])[8, 1e-4, 0.0], grid[0]);
        CollectionAssert.AreEqual((object[])[8, 1e-3, 0.15], grid[4]); // The middle of the logarithms, and of the numbers.
        CollectionAssert.AreEqual((object[])[16, 1e-2, 0.3], grid[^1]);
    }

    [TestMethod]
    public void A_range_of_whole_numbers_has_whole_steps_once()
    {
        CollectionAssert.AreEqual((object[])[5, 22, 100], new RangeAxis(Length, 5, 100, IsLogarithmic: true).Steps(3).ToArray()); // 5·√20 = 22.4
        CollectionAssert.AreEqual((object[])[1, 2], new RangeAxis(Length, 1, 2, IsLogarithmic: false).Steps(4).ToArray());
    }

    [TestMethod]
    [DataRow("LearningRate", 1e-4, 6e-2)]
    [DataRow("MaxEpochs", 5.0, 100.0)]
    [DataRow("PrefixDropout", 0.0, 0.3)]
    public void Drawn_values_stay_in_the_range_that_the_option_carries(string option, double least, double most)
    {
        SearchAxis axis = SearchAxis.Of(Option(option))!;
        var random = new Random(1);

        double[] drawn = [.. Enumerable.Range(0, 2_000).Select(_ => Convert.ToDouble(axis.Draw(random), System.Globalization.CultureInfo.InvariantCulture))];

        Assert.IsTrue(drawn.All(value => value >= least && value <= most));
    }

    /// <summary>Half of a logarithmic range lies below the geometric mean of its bounds: 1,000 ± 5 standard deviations of 22 of 2,000 draws.</summary>
    [TestMethod]
    public void A_logarithmic_range_is_drawn_evenly_over_the_logarithms()
    {
        var axis = (RangeAxis)SearchAxis.Of(Rate)!;
        var random = new Random(1);

        int below = Enumerable.Range(0, 2_000).Count(_ => (double)axis.Draw(random) < Math.Sqrt(1e-4 * 6e-2));

        Assert.IsTrue(axis.IsLogarithmic);
        Assert.AreEqual(1_000, below, 5 * Math.Sqrt(2_000 * 0.25));
    }

    [TestMethod]
    public void An_option_gives_the_values_that_it_carries()
    {
        CollectionAssert.AreEqual((object[])[8, 16, 20, 32, 64, 128], SearchAxis.Of(Length)!.Steps(2).ToArray());
        CollectionAssert.AreEqual((object[])[false, true], SearchAxis.Of(Option("PrefixProjection"))!.Steps(2).ToArray());
        Assert.IsNull(SearchAxis.Of(Option("Backbone")));
    }

    [TestMethod]
    public void Random_candidates_differ_and_repeat_with_their_seed()
    {
        SearchAxis[] axes = [new ValuesAxis(Length, [8, 16]), new ValuesAxis(Dropout, [0.0, 0.1, 0.2])];

        IReadOnlyList<object[]> drawn = Candidates.Random(axes, count: 5, seed: 3), again = Candidates.Random(axes, count: 5, seed: 3);

        Assert.HasCount(5, drawn.Select(values => string.Join(' ', values)).Distinct());
        CollectionAssert.AreEqual(drawn.SelectMany(values => values).ToArray(), again.SelectMany(values => values).ToArray());
        Assert.HasCount(6, Candidates.Random(axes, count: 50, seed: 3)); // All that there are.
    }

    private static PropertyInfo Option(string name) => typeof(PTuningV2Trainer.MulticlassOptions).GetProperty(name)!;
}
