using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class CandidateMetricsTests
{
    [TestMethod]
    public void MultiRC_takes_F1_over_all_answers_and_exact_match_over_questions()
    {
        Example[] rows = [Answer("a", "1"), Answer("a", "0"), Answer("b", "1"), Answer("b", "1")];

        var metrics = PaperTasks.Evaluation.EveryCandidate(rows, [true, false, true, false]);

        const double Precision = 2.0 / 2, Recall = 2.0 / 3;
        Assert.AreEqual(KeyValuePair.Create("f1a", 2 * Precision * Recall / (Precision + Recall)), metrics[0]);
        Assert.AreEqual(KeyValuePair.Create("exactMatch", 0.5), metrics[1]);
    }

    [TestMethod]
    public void ReCoRD_takes_the_likeliest_entity_of_each_question()
    {
        Example[] rows = [Entity("a", "Ann"), Entity("a", "Eve"), Entity("b", "Rome"), Entity("b", "Oslo")];

        CollectionAssert.AreEqual(new[] { "Ann", "Oslo" }, Best(rows, 0.9f, 0.2f, 0.3f, 0.4f));
    }

    [TestMethod]
    public void Of_equally_likely_entities_the_last_in_order_is_taken()
    {
        CollectionAssert.AreEqual(new[] { "Rome" }, Best([Entity("a", "Rome"), Entity("a", "Oslo")], 0.5f, 0.5f));
    }

    private static string[] Best(Example[] rows, params float[] likelihoods) =>
        [.. PaperTasks.Evaluation.BestCandidates(rows, likelihoods).Select(candidate => candidate.Text)];

    private static Example Answer(string question, string label) => new("", "", label, 1) { Candidate = new Candidate(question, "", []) };

    private static Example Entity(string question, string entity) => new("", "", "", 1) { Candidate = new Candidate(question, entity, []) };
}
