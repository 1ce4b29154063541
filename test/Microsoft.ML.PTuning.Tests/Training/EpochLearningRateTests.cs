namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
public sealed class EpochLearningRateTests
{
    /// <summary>Linear decay from the first step to 0 after the last.</summary>
    [TestMethod]
    public void An_epoch_has_the_learning_rate_of_its_last_step()
    {
        using var training = new TinyTraining();
        (training.Options.MaxEpochs, training.Options.BatchSize, training.Options.LearningRate) = (3, 8, 0.006);

        using var model = training.Fit(TinyTraining.Texts(32));

        for (var epoch = 1; epoch <= 3; epoch++)
            Assert.AreEqual(0.006 * (12 - (4 * epoch - 1)) / 12, model.Summary!.Epochs[epoch - 1].LearningRate!.Value, 1e-12);
    }

    [TestMethod]
    public void A_saved_model_has_the_learning_rates_to_six_digits()
    {
        using var model = new TinyModel();
        var trained = model.Transformer.Summary!.Epochs.Single().LearningRate!.Value;

        using var loaded = model.Load(model.Save());

        Assert.AreEqual(trained, loaded.Summary!.Epochs.Single().LearningRate!.Value, 1e-6 * trained);
    }
}
