using System.Reflection;

namespace Microsoft.ML.PTuning.Tests;

[TestClass]
public sealed class QuestionAnswerOptionsTests
{
    [TestMethod]
    [DataRow("TopK", 0)]
    [DataRow("TopK", 21)]
    [DataRow("NBest", 2)]
    [DataRow("NBest", 1001)]
    [DataRow("MaxAnswerLength", 0)]
    [DataRow("DocumentStride", -1)]
    [DataRow("NoAnswerThreshold", double.NaN)]
    public void Option_out_of_its_range_is_refused(string option, object value) => Refused<ArgumentOutOfRangeException>(option, value);

    [TestMethod]
    [DataRow("ContextColumnName")]
    [DataRow("QuestionColumnName")]
    [DataRow("TrainingAnswerColumnName")]
    [DataRow("AnswerIndexColumnName")]
    [DataRow("PredictedAnswerColumnName")]
    [DataRow("ScoreColumnName")]
    [DataRow("AnswerStartColumnName")]
    [DataRow("NoAnswerScoreColumnName")]
    public void Column_without_a_name_is_refused(string option) => Refused<ArgumentException>(option, "");

    [TestMethod]
    [DataRow("ContextColumnName", "Context")]
    [DataRow("QuestionColumnName", "Question")]
    [DataRow("TrainingAnswerColumnName", "TrainingAnswer")]
    [DataRow("AnswerIndexColumnName", "AnswerIndex")]
    [DataRow("PredictedAnswerColumnName", "Answer")]
    [DataRow("ScoreColumnName", "Score")]
    [DataRow("AnswerStartColumnName", "AnswerStart")]
    [DataRow("NoAnswerScoreColumnName", "NoAnswerScore")]
    [DataRow("TopK", 3)]
    [DataRow("NBest", 20)]
    [DataRow("MaxAnswerLength", 30)]
    [DataRow("DocumentStride", 128)]
    [DataRow("NoAnswerThreshold", 0.0)]
    [DataRow("MaxLength", 384)]
    public void Option_has_its_documented_default(string option, object value) =>
        Assert.AreEqual(value, Property(option).GetValue(new PTuningV2Trainer.QuestionAnswerOptions()));

    [TestMethod]
    public void Catalog_method_has_the_options_defaults()
    {
        var options = new PTuningV2Trainer.QuestionAnswerOptions();
        var method = typeof(PTuningCatalog).GetMethods()
            .Single(m => m.Name == nameof(PTuningCatalog.PTuningV2QuestionAnswer) && m.GetParameters().Length > 2);

        foreach (var parameter in method.GetParameters().Skip(1))
            Assert.AreEqual(Property(parameter.Name!).GetValue(options), parameter.DefaultValue, parameter.Name);
    }

    private static PropertyInfo Property(string name) =>
        typeof(PTuningV2Trainer.QuestionAnswerOptions).GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.IgnoreCase)!;

    private static void Refused<TException>(string option, object value)
        where TException : ArgumentException
    {
        var options = new PTuningV2Trainer.QuestionAnswerOptions();
        Property(option).SetValue(options, value);

        var refusal = Assert.Throws<TException>(() => new MLContext().MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options));

        Assert.IsTrue(refusal.ParamName == option || refusal.Message.Contains(option, StringComparison.Ordinal));
    }
}
