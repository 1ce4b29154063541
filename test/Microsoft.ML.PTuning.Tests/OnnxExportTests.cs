using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Pipelines with a model of ours have no form in ONNX: an export that left the model out would look like one.</summary>
[TestClass]
public sealed class OnnxExportTests
{
    private readonly TinyTraining _training = new();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    private MLContext Context => _training.Context;

    private IDataView Rows => Context.Data.LoadFromEnumerable(TinyTraining.Texts(20));

    private IEstimator<PTuningV2Transformer> Trainer => Context.MulticlassClassification.Trainers.PTuningV2(_training.Options);

    private IEstimator<ITransformer> Keys => Context.Transforms.Conversion.MapValueToKey("Label");

    [TestMethod]
    public void Export_of_a_bare_model_is_refused()
    {
        var keyed = Keys.Fit(Rows).Transform(Rows);

        RefusesExport(Trainer.Fit(keyed), keyed);
    }

    [TestMethod]
    public void Export_of_a_chain_is_refused() =>
        RefusesExport(Keys.Append(Trainer).Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(Rows), Rows);

    [TestMethod]
    public void Export_of_a_chain_with_other_features_is_refused() =>
        RefusesExport(Keys.Append(Context.Transforms.Text.FeaturizeText("Features", "Text")).Append(Trainer).Fit(Rows), Rows);

    private void RefusesExport(ITransformer model, IDataView rows)
    {
        using var stream = new MemoryStream();

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Context.Model.ConvertToOnnx(model, rows, stream));
        StringAssert.Contains(refusal.Message, "can not be fully converted into a well-defined ONNX model");
        Assert.AreEqual(0, stream.Length);
    }
}
