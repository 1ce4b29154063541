using PaperTasks;
using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class CandidateMetricsTests
{
    [TestMethod]
    public void MultiRC_takes_F1_over_all_answers_and_exact_match_over_questions()
    {
        Example[] rows = [Answer("a", "1"), Answer("a", "0"), Answer("b", "1"), Answer("b", "1")];

        var metrics = Evaluation.EveryCandidate(rows, [true, false, true, false]);

        const double Precision = 2.0 / 2, Recall = 2.0 / 3;
        Assert.AreEqual(KeyValuePair.Create("f1a", 2 * Precision * Recall / (Precision + Recall)), metrics[0]);
        Assert.AreEqual(KeyValuePair.Create("exactMatch", 0.5), metrics[1]);
    }

    [TestMethod]
    public void ReCoRD_compares_the_likeliest_entity_of_each_question_with_its_nearest_answer()
    {
        Example[] rows =
        [
            Entity("a", "Ann Lee", "Ann", "Eve"), Entity("a", "Eve", "Ann", "Eve"),
            Entity("b", "Rome", "Oslo"), Entity("b", "Oslo", "Oslo"),
        ];

        var metrics = Evaluation.BestCandidate(rows, [0.9f, 0.2f, 0.3f, 0.4f]);

        const double AnnLeeAgainstAnn = 2 * 0.5 * 1 / (0.5 + 1);
        Assert.AreEqual((AnnLeeAgainstAnn + 1) / 2, metrics[0].Value, 1e-12);
        Assert.AreEqual(0.5, metrics[1].Value);
    }

    [TestMethod]
    public void Of_equally_likely_entities_the_last_in_order_is_taken()
    {
        var metrics = Evaluation.BestCandidate([Entity("a", "Rome", "Rome"), Entity("a", "Oslo", "Rome")], [0.5f, 0.5f]);

        Assert.AreEqual(1, metrics[1].Value);
    }

    [TestMethod]
    public void Answers_match_without_case_punctuation_and_articles()
    {
        Assert.AreEqual(1, AnswerText.ExactMatch("The  Beatles!", ["beatles"]));
        Assert.AreEqual(0, AnswerText.ExactMatch("Theatre", ["atre"]));
    }

    [TestMethod]
    public void A_word_counts_as_often_as_both_answers_have_it()
    {
        const double Precision = 2.0 / 3, Recall = 2.0 / 2;

        Assert.AreEqual(2 * Precision * Recall / (Precision + Recall), AnswerText.F1("no no yes", ["no no"]), 1e-12);
    }

    private static Example Answer(string question, string label) => new("", "", label, 1) { Candidate = new Candidate(question, "", []) };

    private static Example Entity(string question, string entity, params string[] answers) => new("", "", "", 1) { Candidate = new Candidate(question, entity, answers) };
}
