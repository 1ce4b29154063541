using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

/// <summary>The rules of SQuAD's official evaluation script, version 2.0, worked by hand.</summary>
[TestClass]
public sealed class AnswerMatchTests
{
    [TestMethod]
    [DataRow("The  Cat, sat!", "cat sat")]
    [DataRow("an apple A DAY", "apple day")]
    [DataRow("theory of another anthem", "theory of another anthem", DisplayName = "Articles are whole words")]
    [DataRow("the-cat", "thecat", DisplayName = "Punctuation goes before articles")]
    [DataRow("U.S.A.", "usa")]
    [DataRow("a.", "")]
    [DataRow("$5 + 10%", "5 10")]
    [DataRow("“quoted”", "“quoted”", DisplayName = "Punctuation is ASCII's")]
    [DataRow("l’a dit", "l’ dit", DisplayName = "A mark that is no letter bounds a word")]
    [DataRow("Größe\u00a0und\tMaß\n", "größe und maß")]
    [DataRow("àa a", "àa")]
    public void Answers_are_normalised(string answer, string expected) => Assert.AreEqual(expected, AnswerMatch.Normalize(answer));

    [TestMethod]
    [DataRow("Denver Broncos", "The Denver Broncos!", true)]
    [DataRow("Denver", "Denver Broncos", false)]
    [DataRow("Santa Clara", "Levi's Stadium|santa clara", true)]
    [DataRow("", "Denver", false)]
    public void Exact_match_is_with_any_reference(string predicted, string golds, bool expected) =>
        Assert.AreEqual(expected, AnswerMatch.ExactMatch(predicted, golds.Split('|')));

    [TestMethod]
    [DataRow("Denver Broncos", "Denver", 2.0 / 3)] // P 1/2, R 1
    [DataRow("the big red dog", "big brown dog", 2.0 / 3)] // P 2/3, R 2/3
    [DataRow("cat cat", "cat", 2.0 / 3)] // A word counts as often as the reference has it: P 1/2, R 1
    [DataRow("dog", "cat", 0)]
    [DataRow("big dog", "cat|dog|a big red dog", 0.8)] // 0, 2/3, 4/5
    [DataRow("", "cat", 0)]
    [DataRow("the", "cat", 0)]
    public void F1_is_the_highest_over_the_references(string predicted, string golds, double expected) =>
        Assert.AreEqual(expected, AnswerMatch.F1(predicted, golds.Split('|')), 1e-12);

    [TestMethod]
    [DataRow("", 1)]
    [DataRow("The.", 1)]
    [DataRow("cat", 0)]
    public void No_answer_is_right_where_there_is_none(string predicted, double expected)
    {
        Assert.AreEqual(expected, AnswerMatch.F1(predicted, []));
        Assert.AreEqual(expected == 1, AnswerMatch.ExactMatch(predicted, []));
    }

    [TestMethod]
    [DataRow("", "the|a.", true)]
    [DataRow("", "the|cat", false)]
    [DataRow("cat", "the|cat", true)]
    [DataRow("cat", "the", false)]
    public void References_that_normalisation_empties_are_left_out(string predicted, string golds, bool expected)
    {
        Assert.AreEqual(expected, AnswerMatch.ExactMatch(predicted, golds.Split('|')));
        Assert.AreEqual(expected ? 1 : 0, AnswerMatch.F1(predicted, golds.Split('|')));
    }
}
