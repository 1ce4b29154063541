namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Whole training runs over encoders in 16 bits.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PrecisionTrainingTests
{
    [TestMethod]
    [DataRow(BackbonePrecision.BFloat16, false)]
    [DataRow(BackbonePrecision.BFloat16, true)]
    [DataRow(BackbonePrecision.Float16, false)]
    [DataRow(BackbonePrecision.Float16, true)]
    public void Training_lowers_the_loss(BackbonePrecision precision, bool recompute)
    {
        using var training = new TinyTraining();
        (training.Options.MaxEpochs, training.Options.Precision, training.Options.RecomputeActivations) = (10, precision, recompute);

        using var model = training.Fit(TinyTraining.Texts(60));

        Assert.IsLessThan(0.8 * model.Summary!.Epochs[0].Loss, model.Summary.Epochs[^1].Loss);
    }

    [TestMethod]
    public void Advice_on_a_loss_that_is_no_number_names_the_range_of_Float16()
    {
        using var training = new TinyTraining();
        (training.Options.LearningRate, training.Options.Precision) = (1e30, BackbonePrecision.Float16);

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => training.Fit(TinyTraining.Texts(40)));

        Assert.Contains("beyond the range of Float16: set Precision to BFloat16 or Float32", failure.Message);
    }

    [TestMethod]
    public void Unknown_precision_is_refused()
    {
        using var training = new TinyTraining();
        training.Options.Precision = (BackbonePrecision)7;

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => training.Fit(TinyTraining.Texts(4)));

        Assert.Contains("Precision must be one of Float32, BFloat16, Float16, Auto.", refusal.Message);
    }

    [TestMethod]
    public void Context_says_the_precision_of_a_loaded_model()
    {
        using var model = new TinyModel();
        var expected = model.Score().SelectMany(row => row.Score).ToArray();
        model.MLContext.SetOption("PTuning.Precision", "BFloat16");

        using var loaded = model.Load(model.Save());
        var actual = model.Score(loaded).SelectMany(row => row.Score).ToArray();

        CollectionAssert.AreNotEqual(expected, actual);
        foreach (var (full, half) in expected.Zip(actual))
            Assert.AreEqual(full, half, 0.05);
    }

    [TestMethod]
    public void Model_trained_in_16_bits_gives_the_same_bits_where_the_context_loads_it_in_them()
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(20);
        training.Options.Precision = BackbonePrecision.BFloat16;
        using var trained = training.Fit(rows);
        using var stream = new MemoryStream();
        training.Context.Model.Save(trained, inputSchema: null, stream);
        stream.Position = 0;
        training.Context.ComponentCatalog.RegisterAssembly(typeof(PTuningV2Transformer).Assembly);
        training.Context.SetOption("PTuning.Precision", "BFloat16");

        using var loaded = (PTuningV2Transformer)training.Context.Model.Load(stream, out _);

        CollectionAssert.AreEqual(training.Scores(trained, rows), training.Scores(loaded, rows));
    }

    [TestMethod]
    public void Model_does_not_keep_the_precision_it_was_trained_in()
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(20);
        training.Options.Precision = BackbonePrecision.BFloat16;
        using var trained = training.Fit(rows);
        using var stream = new MemoryStream();
        trained.SaveTo(stream);
        stream.Position = 0;

        using var loaded = PTuningV2Transformer.LoadFrom(training.Context, stream);

        CollectionAssert.AreNotEqual(training.Scores(trained, rows), training.Scores(loaded, rows));
    }
}
