using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Columns that would hide each other: what is right would be compared with itself.</summary>
[TestClass]
public sealed class ColumnNamesTests
{
    private readonly MLContext _context = new();

    private MulticlassClassificationCatalog.MulticlassClassificationTrainers Trainers => _context.MulticlassClassification.Trainers;

    [TestMethod]
    public void Output_with_the_name_of_the_label_is_refused()
    {
        Refuses("Label", "the label column", () => Trainers.PTuningV2(scoreColumnName: "Label"));
        Refuses("Label", "the label column", () => _context.BinaryClassification.Trainers.PTuningV2(probabilityColumnName: "Label"));
        Refuses("Label", "the label column", () => _context.Regression.Trainers.PTuningV2(scoreColumnName: "Label"));
        Refuses("Entities", "the label column", () => Trainers.PTuningV2NamedEntityRecognition(labelColumnName: "Entities"));
        Refuses("Answer", "the answer column", () => Trainers.PTuningV2QuestionAnswer(trainingAnswerColumnName: "Answer"));
        Refuses("PredictedLabel", "the label column", () => Trainers.PTuningV2MultipleChoice(labelColumnName: "PredictedLabel"));
    }

    [TestMethod]
    public void Output_with_the_name_of_a_text_is_refused()
    {
        Refuses("Sentence1", "the first text column", () => Trainers.PTuningV2(predictedLabelColumnName: "Sentence1"));
        Refuses("B", "the second text column", () => Trainers.PTuningV2(sentence2ColumnName: "B", scoreColumnName: "B"));
        Refuses("Context", "the context column", () => Trainers.PTuningV2QuestionAnswer(predictedAnswerColumnName: "Context"));
    }

    [TestMethod]
    public void Two_outputs_of_one_name_are_refused()
    {
        Refuses("X", "another output", () => Trainers.PTuningV2(scoreColumnName: "X", predictedLabelColumnName: "X"));
        Refuses("Score", "another output", () => _context.BinaryClassification.Trainers.PTuningV2(probabilityColumnName: "Score"));
        Refuses("Score", "another output", () => Trainers.PTuningV2NamedEntityRecognition(entitiesColumnName: "Score"));
    }

    [TestMethod]
    public void Evaluation_of_a_column_against_itself_is_refused()
    {
        var data = _context.Data.LoadFromEnumerable([new RatedText()]);

        Action[] evaluations =
        [
            () => _context.MulticlassClassification.EvaluateNamedEntityRecognition(data, "Label", "Label"),
            () => _context.MulticlassClassification.EvaluateQuestionAnswer(data, "Text", "Text"),
            () => _context.MulticlassClassification.EvaluateText(data, "Text", "Text"),
            () => _context.Regression.EvaluateSimilarity(data, "Label", "Label"),
        ];

        foreach (var evaluation in evaluations)
            StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentException>(evaluation).Message, "Label and prediction are both read from column");
    }

    private static void Refuses(string name, string other, Func<PTuningV2Trainer> trainer)
    {
        var refusal = Assert.ThrowsExactly<ArgumentException>(trainer);

        StringAssert.StartsWith(refusal.Message, $"An output column and {other} are both named '{name}': one would hide the other.");
        Assert.AreEqual(name, refusal.ParamName);
    }
}
