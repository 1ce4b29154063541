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
    [DataRow("Pooling", Pooling.Automatic)]
    [DataRow("LearningRate", 1e-2)]
    [DataRow("BatchSize", 32)]
    [DataRow("MaxEpochs", 0)]
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
        Assert.AreEqual($"{value}", $"{typeof(PTuningV2Trainer.MulticlassOptions).GetProperty(option)!.GetValue(new PTuningV2Trainer.MulticlassOptions())}");

    [TestMethod]
    [DataRow("Shards", 0)]
    [DataRow("CacheTrunk", true)]
    [DataRow("TrunkCacheMemoryMegabytes", 1024)]
    [DataRow("HalfPrecisionTrunkCache", false)]
    [DataRow("PadToMaxLength", false)]
    public void Advanced_option_has_its_documented_default(string option, object value) => Assert.AreEqual(
        value, typeof(AdvancedTrainingOptions).GetProperty(option)!.GetValue(new PTuningV2Trainer.MulticlassOptions().Advanced));

    [TestMethod]
    [DataRow(typeof(PTuningV2Trainer.NamedEntityOptions))]
    [DataRow(typeof(PTuningV2Trainer.QuestionAnswerOptions))]
    public void Tags_and_answers_are_learned_with_more_vectors_at_a_higher_rate(Type type)
    {
        var options = (PTuningV2Trainer.Options)Activator.CreateInstance(type)!;

        Assert.AreEqual((50, 2e-2), (options.PrefixLength, options.LearningRate));
    }

    [TestMethod]
    public void Options_of_a_task_have_nothing_that_it_does_not_use()
    {
        var tasks = typeof(PTuningV2Trainer).GetNestedTypes().Where(type => !type.IsAbstract).ToArray();

        Assert.HasCount(8, tasks);
        foreach (var type in tasks)
        {
            Assert.IsTrue(type.IsSealed, type.Name);
            var task = ((PTuningV2Trainer.Options)Activator.CreateInstance(type)!).ToTask();
            foreach (var property in type.GetProperties().Where(p => typeof(PTuningV2Trainer.Options).IsAssignableFrom(p.DeclaringType!)))
                if (property.Name is not ("ValidationSet" or "InitialModel"))
                    Assert.IsNotNull(task.GetType().GetProperty(property.Name), $"{type.Name}.{property.Name}");
        }
    }

    [TestMethod]
    [DataRow("Temperature", 1.0)]
    [DataRow("ContinuationEpochs", 0)]
    [DataRow("PrefixLength", 20)]
    [DataRow("LearningRate", 1e-2)]
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
        Assert.IsNotNull(typeof(PTuningV2Trainer.MulticlassOptions).GetProperty(option)!.GetCustomAttribute(attribute));

    [TestMethod]
    [DataRow("PTuningV2", "Multiclass", typeof(PTuningV2Trainer.MulticlassOptions))]
    [DataRow("PTuningV2", "Binary", typeof(PTuningV2Trainer.BinaryOptions))]
    [DataRow("PTuningV2", "Regression", typeof(PTuningV2Trainer.RegressionOptions))]
    [DataRow("PTuningV2NamedEntityRecognition", "Multiclass", typeof(PTuningV2Trainer.NamedEntityOptions))]
    [DataRow("PTuningV2QuestionAnswer", "Multiclass", typeof(PTuningV2Trainer.QuestionAnswerOptions))]
    [DataRow("PTuningV2MultipleChoice", "Multiclass", typeof(PTuningV2Trainer.MultipleChoiceOptions))]
    public void Catalog_method_has_the_options_defaults(string name, string catalog, Type type)
    {
        var options = Activator.CreateInstance(type);
        var method = typeof(PTuningCatalog).GetMethods().Single(m =>
            m.Name == name && m.GetParameters() is [var first, _, _, ..] && first.ParameterType.Name.StartsWith(catalog, StringComparison.Ordinal));

        foreach (var parameter in method.GetParameters().Skip(1))
        {
            var property = type.GetProperty(parameter.Name!, BindingFlags.Instance | BindingFlags.Public | BindingFlags.IgnoreCase)!;
            Assert.AreEqual(property.GetValue(options), parameter.DefaultValue, parameter.Name);
        }
    }
}
