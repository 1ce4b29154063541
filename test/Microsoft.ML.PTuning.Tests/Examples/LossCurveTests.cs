using Examples;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>The live curve of the examples, drawn from known losses.</summary>
[TestClass]
public sealed class LossCurveTests
{
    [TestMethod]
    public void Columns_are_as_high_as_their_share_of_the_highest_loss()
    {
        var curve = new LossCurve(width: 4, height: 2);
        foreach (var (step, loss) in new[] { (1, 2.0), (2, 1.0), (3, 0.5), (4, 0.0) })
            curve.Add(step, steps: 4, loss);

        CollectionAssert.AreEqual(new[] { "2.00 █", "   0 ██▄▁" }, curve.Lines().ToArray());
    }

    [TestMethod]
    public void Many_steps_share_a_column_and_have_their_mean_there()
    {
        var curve = new LossCurve(width: 2, height: 1);
        foreach (var (step, loss) in new[] { (1, 3.0), (2, 1.0), (3, 1.0), (4, 1.0) })
            curve.Add(step, steps: 4, loss);

        CollectionAssert.AreEqual(new[] { "2.00 █▄" }, curve.Lines().ToArray());
    }

    [TestMethod]
    public void A_step_is_as_wide_as_its_share_of_the_training()
    {
        var curve = new LossCurve(width: 6, height: 1);
        curve.Add(1, steps: 3, 1);
        curve.Add(2, steps: 3, double.NaN);

        CollectionAssert.AreEqual(new[] { "1.00 ██" }, curve.Lines().ToArray());
    }

    [TestMethod]
    public void There_is_no_curve_without_a_loss() => Assert.HasCount(0, new LossCurve(width: 6, height: 3).Lines());
}
