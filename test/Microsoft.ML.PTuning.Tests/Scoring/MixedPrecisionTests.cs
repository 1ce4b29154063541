namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>A predictor whose models stand on one encoder in two types of number.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class MixedPrecisionTests
{
    [TestMethod]
    public async Task Models_of_two_precisions_answer_as_each_does_alone()
    {
        const double Rounding = 1.0 / 128; // BF16's, of probabilities up to 1.
        using var model = new TinyModel();
        model.MLContext.SetPTuningPrecision(BackbonePrecision.BFloat16);
        using var half = model.Load(model.Save());
        using var predictor = new PTuningV2MultiTaskPredictor(model.MLContext);
        predictor.Add("exact", model.Transformer);
        predictor.Add("half", half);

        var (exactAlone, halfAlone) = (model.Score(), model.Score(half));
        var exact = await Task.WhenAll(model.Rows.Select(row => predictor.PredictAsync<Ticket, TopicScores>("exact", row)));
        var rounded = await Task.WhenAll(model.Rows.Select(row => predictor.PredictAsync<Ticket, TopicScores>("half", row)));

        for (var i = 0; i < model.Rows.Count; i++)
        {
            foreach (var (expected, actual) in exactAlone[i].Score.Zip(exact[i].Score))
                Assert.AreEqual(expected, actual, 1e-5);
            foreach (var (expected, actual) in halfAlone[i].Score.Zip(rounded[i].Score))
                Assert.AreEqual(expected, actual, Rounding);
        }
        Assert.AreNotEqual(exact[0].Score[0], rounded[0].Score[0]);
    }
}
