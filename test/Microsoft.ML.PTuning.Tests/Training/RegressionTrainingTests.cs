namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
public sealed class RegressionTrainingTests
{
    private TinyTraining _training = null!;

    [TestInitialize]
    public void MakeTraining() => _training = new TinyTraining();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    public void Scale_of_the_labels_does_not_matter()
    {
        (_training.Options.MaxEpochs, _training.Options.Pooling) = (10, Pooling.Checkpoint);

        var (plain, scaled) = (RSquared(TinyTraining.Ratings(60)), RSquared(TinyTraining.Ratings(60, scale: 1000, shift: 5)));

        Assert.IsGreaterThan(0.1, plain);
        Assert.AreEqual(plain, scaled, 1e-3);
    }

    [TestMethod]
    public void Summary_measures_in_the_labels_unit()
    {
        var rows = TinyTraining.Ratings(60, scale: 1000, shift: 5);
        var data = _training.Context.Data.LoadFromEnumerable(rows);
        _training.Options.ValidationSet = data;

        using var model = _training.Fit(rows);

        var best = model.Summary!.Epochs[model.Summary.BestEpoch - 1];
        Assert.AreEqual("R²", best.MetricName);
        Assert.AreEqual(_training.Context.Regression.Evaluate(model.Transform(data)).RSquared, best.ValidationMetric!.Value, 1e-5);
    }

    [TestMethod]
    public void Missing_labels_are_skipped_and_counted()
    {
        using var model = _training.Fit([.. TinyTraining.Ratings(20), new RatedText { Text = "a", Label = float.NaN }]);

        Assert.AreEqual(20, model.Summary!.RowsUsed);
        Assert.AreEqual(1, model.Summary.RowsSkipped);
    }

    private double RSquared(RatedText[] rows)
    {
        using var model = _training.Fit(rows);
        return _training.Context.Regression.Evaluate(model.Transform(_training.Context.Data.LoadFromEnumerable(rows))).RSquared;
    }
}
