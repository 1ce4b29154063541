using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Passes over the training rows where nobody says how many.</summary>
[TestClass]
public sealed class EpochRuleTests
{
    [TestMethod]
    [DataRow(1, 20)]
    [DataRow(250, 20)]
    [DataRow(251, 20)]      // 5,000 / 251 = 19.9
    [DataRow(500, 10)]
    [DataRow(999, 6)]
    [DataRow(1_000, 5)]
    [DataRow(int.MaxValue, 5)]
    public void Few_rows_are_read_more_often(int rows, int epochs) =>
        Assert.AreEqual(epochs, EpochRule.Sentences.For(rows));

    [TestMethod]
    [DataRow(750, 20)]
    [DataRow(1_000, 15)]
    [DataRow(1_500, 10)]
    [DataRow(100_000, 10)]
    public void Heads_over_every_token_read_their_rows_more_often(int rows, int epochs)
    {
        Assert.AreEqual(epochs, EpochRule.Tokens.For(rows));
    }

    [TestMethod]
    public void Each_task_has_the_rule_of_its_head()
    {
        foreach (PromptTask task in (PromptTask[])[Any.Classification(3), Any.BinaryClassification, Any.Regression, Any.Choice])
            Assert.AreSame(EpochRule.Sentences, task.Epochs);
        foreach (PromptTask task in (PromptTask[])[Any.Tagging(3), WordQuestions.Task])
            Assert.AreSame(EpochRule.Tokens, task.Epochs);
    }
}
