using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

/// <summary>chrF: published scores of sacreBLEU and evaluate, and cases worked by hand.</summary>
[TestClass]
public sealed class ChrfCounterTests
{
    /// <summary>test_cases_effective_order of sacreBLEU's test_chrf.py, within its 1e-4 of 100; with beta 3.</summary>
    [TestMethod]
    [DataRow("a", "a", 1.0)]
    [DataRow("", "reference", 0.0)]
    [DataRow("a b c", "a b c", 1.0)]
    [DataRow("a b c", "abc", 1.0)]
    [DataRow("", "c", 0.0)]
    [DataRow("a|b", "a|c", 0.5)]
    [DataRow("aa", "ab", 0.25)]
    public void Lengths_that_a_side_lacks_are_left_out_as_in_sacrebleu(string predicted, string references, double expected) =>
        Assert.AreEqual(expected, Of(3, [.. predicted.Split('|').Zip(references.Split('|'), (text, reference) => (text, new[] { reference }))]), 1e-6);

    /// <summary>test_cases_keep_whitespace of the same file, with beta 3. It keeps white space; here another letter stands for that.</summary>
    [TestMethod]
    [DataRow(
        "Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich.",
        "Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich.",
        0.673481606)]
    [DataRow(
        "risk assessment must be made of those who are qualified and expertise in the sector - these are the scientists .",
        "risk assessment has to be undertaken by those who are qualified and expert in that area - that is the scientists .",
        0.652414427)]
    public void Scores_are_those_of_sacrebleu(string predicted, string reference, double expected) =>
        Assert.AreEqual(expected, Of(3, (predicted.Replace(' ', 'ø'), [reference.Replace(' ', 'ø')])), 1e-6);

    /// <summary>The documentation of evaluate's chrf: sacreBLEU's defaults.</summary>
    [TestMethod]
    public void N_grams_are_summed_over_rows()
    {
        var score = Of(
            ("The relationship between cats and dogs is not exactly friendly.", ["The relationship between dogs and cats is not exactly friendly."]),
            ("a good bookshop is just a genteel black hole that knows how to read.",
                ["A good bookshop is just a genteel Black Hole that knows how to read."]));

        Assert.AreEqual(0.8464214891738334, score, 1e-12);
    }

    [TestMethod]
    [DataRow("abc", "abd", 7.0 / 18, DisplayName = "2/3, 1/2 and 0/1 on both sides: P = R = 7/18")]
    [DataRow("ab", "abc", 7.0 / 11, DisplayName = "P = 1, R = (2/3 + 1/2) / 2 = 7/12; 5 · 7/12 / (4 + 7/12)")]
    [DataRow("abc", "ab", 7.0 / 8, DisplayName = "P = 7/12, R = 1; 5 · 7/12 / (4 · 7/12 + 1)")]
    [DataRow("aaa", "a", 5.0 / 7, DisplayName = "A character counts as often as the reference has it: P = 1/3, R = 1")]
    [DataRow("a\u00a0b\tc\n", " abc", 1.0, DisplayName = "White space does not count")]
    [DataRow("ABC", "abc", 0.0, DisplayName = "Case counts")]
    [DataRow("今日は", "今日も", 7.0 / 18)]
    [DataRow("😀a", "😀b", 0.25, DisplayName = "Two characters, not three: P = R = (1/2 + 0) / 2")]
    [DataRow("e\u0301", "e", 5.0 / 6, DisplayName = "A combining accent is a character: P = 1/2, R = 1")]
    [DataRow("e\u0301", "\u00e9", 0.0)]
    public void Characters_are_compared(string predicted, string reference, double expected) =>
        Assert.AreEqual(expected, Of((predicted, [reference])), 1e-12);

    /// <summary>As (ab, abc); the other reference has nothing in common.</summary>
    [TestMethod]
    public void Best_reference_counts()
    {
        Assert.AreEqual(7.0 / 11, Of(("ab", ["xy", "abc"])), 1e-12);
        Assert.AreEqual(7.0 / 11, Of(("ab", ["abc", "xy"])), 1e-12);
        Assert.AreEqual(0, Of(("ab", ["cd", "xyz"])));
    }

    /// <summary>The row's "abc" is longer than its reference, so P = (5/6 + 3/4 + 1/1) / 3 = 31/36 and R = 1.</summary>
    [TestMethod]
    public void N_grams_longer_than_the_reference_are_not_counted() =>
        Assert.AreEqual(31.0 / 32, Of(("abc", ["ab"]), ("xyz", ["xyz"])), 1e-12);

    private static double Of(params (string Predicted, string[] References)[] rows) => Of(2, rows);

    private static double Of(double beta, params (string Predicted, string[] References)[] rows)
    {
        var counter = new ChrfCounter(beta);
        foreach (var (predicted, references) in rows)
            counter.Add(predicted, references);
        return counter.Score;
    }
}
