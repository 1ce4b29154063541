using System.Reflection;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.PTuning.Tests;

[TestClass]
public class PTuningV2TrainerOptionsTests
{
    [TestMethod]
    [DataRow("LabelColumnName", "Label")]
    [DataRow("Sentence1ColumnName", "Sentence1")]
    [DataRow("Sentence2ColumnName", null)]
    [DataRow("ScoreColumnName", "Score")]
    [DataRow("PredictedLabelColumnName", "PredictedLabel")]
    [DataRow("Backbone", null)]
    [DataRow("PrefixLength", 20)]
    [DataRow("PrefixLayers", 0)]
    [DataRow("PrefixProjection", false)]
    [DataRow("PrefixProjectionSize", 512)]
    [DataRow("PositionOffset", PositionOffset.Prefix)]
    [DataRow("PrefixDropout", 0.1)]
    [DataRow("HeadDropout", 0.1)]
    [DataRow("BackboneDropout", 0.0)]
    [DataRow("MaxLength", 128)]
    [DataRow("Shards", 0)]
    [DataRow("LearningRate", 5e-3)]
    [DataRow("BatchSize", 32)]
    [DataRow("MaxEpochs", 10)]
    [DataRow("WarmupRatio", 0.0)]
    [DataRow("WeightDecay", 0.0)]
    [DataRow("MaxGradientNorm", 1.0)]
    [DataRow("EarlyStoppingPatience", 0)]
    [DataRow("ValidationSet", null)]
    [DataRow("InitialModel", null)]
    [DataRow("Progress", null)]
    [DataRow("Seed", null)]
    [DataRow("GpuDeviceId", null)]
    [DataRow("FallbackToCpu", null)]
    public void Option_has_its_documented_default(string option, object? value) =>
        Assert.AreEqual(value, typeof(PTuningV2Trainer.Options).GetProperty(option)!.GetValue(new PTuningV2Trainer.Options()));

    [TestMethod]
    [DataRow("Temperature", 1.0)]
    [DataRow("ContinuationEpochs", 0)]
    [DataRow("PrefixLength", 20)]
    [DataRow("LearningRate", 5e-3)]
    public void Multi_task_option_has_its_documented_default(string option, object? value) =>
        Assert.AreEqual(value, typeof(PTuningV2MultiTaskTrainer.Options).GetProperty(option)!.GetValue(new PTuningV2MultiTaskTrainer.Options()));

    [TestMethod]
    [DataRow("LearningRate", typeof(RangeAttribute))]
    [DataRow("MaxEpochs", typeof(RangeAttribute))]
    [DataRow("PrefixDropout", typeof(RangeAttribute))]
    [DataRow("PrefixLength", typeof(ChoiceAttribute))]
    [DataRow("BatchSize", typeof(ChoiceAttribute))]
    [DataRow("PrefixProjection", typeof(BooleanChoiceAttribute))]
    public void Option_worth_sweeping_carries_its_search_space(string option, Type attribute) =>
        Assert.IsNotNull(typeof(PTuningV2Trainer.Options).GetProperty(option)!.GetCustomAttribute(attribute));

    [TestMethod]
    [DataRow("Multiclass")]
    [DataRow("Binary")]
    [DataRow("Regression")]
    public void Catalog_method_has_the_options_defaults(string task)
    {
        var options = new PTuningV2Trainer.Options();
        var method = typeof(PTuningCatalog).GetMethods().Single(m => m.GetParameters() is [var catalog, _, _, ..] && catalog.ParameterType.Name.StartsWith(task, StringComparison.Ordinal));

        foreach (var parameter in method.GetParameters().Skip(1))
        {
            var property = typeof(PTuningV2Trainer.Options).GetProperty(parameter.Name!, BindingFlags.Instance | BindingFlags.Public | BindingFlags.IgnoreCase)!;
            Assert.AreEqual(property.GetValue(options), parameter.DefaultValue, parameter.Name);
        }
    }
}
