using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Compute;

/// <summary>The precision that suits the processor: BF16 or F32, whichever it is here.</summary>
[TestClass]
public sealed class ProcessorPrecisionTests
{
    [TestMethod]
    [DataRow(BackbonePrecision.Float32)]
    [DataRow(BackbonePrecision.BFloat16)]
    [DataRow(BackbonePrecision.Float16)]
    public void A_precision_that_is_asked_for_is_taken(BackbonePrecision precision) => Assert.AreEqual(precision, precision.On(CPU));

    [TestMethod]
    public void The_measurement_decides_once()
    {
        var gain = ProcessorPrecision.Gain;

        Assert.IsInRange(0.01, 100, gain);
        Assert.AreEqual(gain >= ProcessorPrecision.LeastGain ? BackbonePrecision.BFloat16 : BackbonePrecision.Float32, BackbonePrecision.Auto.On(CPU));
        Assert.AreEqual(gain, ProcessorPrecision.Gain);
    }

    [TestMethod]
    [DataRow(false, false, 1.31, BackbonePrecision.BFloat16)]
    [DataRow(false, false, 1.29, BackbonePrecision.Float32)]
    [DataRow(true, false, 2, BackbonePrecision.Float32)]
    [DataRow(false, true, 2, BackbonePrecision.Float32)]
    public void Auto_is_half_as_long_where_that_is_faster_but_for_changed_weights_and_written_texts(
        bool changesWeights, bool writes, double gain, BackbonePrecision expected)
    {
        Assert.AreEqual(expected, BackbonePrecision.Auto.On(CPU, changesWeights, writes, () => gain));
        Assert.AreEqual(BackbonePrecision.BFloat16, BackbonePrecision.BFloat16.On(CPU, changesWeights, writes, () => gain));
    }

    [TestMethod]
    public void Methods_that_change_weights_say_so()
    {
        Type[] changing = [typeof(BitFit), typeof(FineTuning), typeof(LowRankAdaptation)];

        foreach (var kind in TuningMethod.Kinds.Values.Where(kind => kind.GetConstructor([]) is not null && kind != typeof(DeepPrefix)))
            Assert.AreEqual(changing.Contains(kind), ((TuningMethod)Activator.CreateInstance(kind)!).ChangesWeights, kind.Name);
    }

    [TestMethod]
    [DoNotParallelize]
    public void The_application_says_the_precision_of_loaded_models_and_without_a_word_it_is_auto()
    {
        const string Option = "PTuning.Precision";
        var (context, own) = (new MLContext(), AppContext.GetData(Option));
        try
        {
            Assert.AreEqual(BackbonePrecision.Float32, HostEnvironment.PrecisionOf(context), "as the tests' project says");

            AppDomain.CurrentDomain.SetData(Option, "Half");
            var refusal = Assert.ThrowsExactly<ArgumentException>(() => HostEnvironment.PrecisionOf(context));
            Assert.Contains("PTuning.Precision of the application (runtimeconfig.json) is 'Half', expected one of Float32, BFloat16", refusal.Message);
            context.SetPTuningPrecision(BackbonePrecision.BFloat16);
            Assert.AreEqual(BackbonePrecision.BFloat16, HostEnvironment.PrecisionOf(context), "the context's own option goes first");

            AppDomain.CurrentDomain.SetData(Option, null);
            Assert.AreEqual(BackbonePrecision.Auto, HostEnvironment.PrecisionOf(new MLContext()));
        }
        finally
        {
            AppDomain.CurrentDomain.SetData(Option, own);
        }
    }

    [TestMethod]
    public void A_model_is_trained_and_loaded_in_what_was_chosen()
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(16);
        var chosen = BackbonePrecision.Auto.On(CPU);

        training.Options.Precision = BackbonePrecision.Auto;
        using var model = training.Fit(rows);
        training.Options.Precision = chosen;
        using var expected = training.Fit(rows);
        var scores = training.Scores(expected, rows);

        CollectionAssert.AreEqual(scores, training.Scores(model, rows));
        CollectionAssert.AreEqual(scores, Loaded(BackbonePrecision.Auto));
        CollectionAssert.AreEqual(scores, Loaded(chosen));

        float[] Loaded(BackbonePrecision precision)
        {
            var context = new MLContext();
            context.SetPTuningPrecision(precision);
            using var stream = new MemoryStream();
            model.SaveTo(stream);
            stream.Position = 0;
            using var loaded = PTuningV2Transformer.LoadFrom(context, stream);
            return training.Scores(loaded, rows);
        }
    }
}
