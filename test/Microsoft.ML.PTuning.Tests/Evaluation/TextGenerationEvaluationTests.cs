namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class TextGenerationEvaluationTests
{
    private static readonly MLContext Context = new(1);

    /// <summary>
    /// BLEU: words 6 + 2 of 6 + 4, pairs 5 + 1 of 5 + 3, threes 4 + 0 of 4 + 2, fours 3 + 0 of 3 + 1; 10 words are not fewer than 9.
    /// ROUGE of the second row: 2 words of 4 and 3, 1 pair of 3 and 2, the longest sequence has 2 words.
    /// </summary>
    [TestMethod]
    public void Rows_are_measured_together_or_averaged()
    {
        var metrics = Evaluate(
            new Written { Label = "the cat sat on the mat", GeneratedText = " the cat sat on the mat\n" },
            new Written { Label = "a dog barked", GeneratedText = "a dog ran away" });

        Assert.AreEqual(Math.Pow(8.0 / 10 * 6 / 8 * 4 / 6 * 3 / 4, 0.25), metrics.Bleu, 1e-12);
        Assert.AreEqual((1 + (4.0 / 7)) / 2, metrics.Rouge1, 1e-12);
        Assert.AreEqual((1 + (2.0 / 5)) / 2, metrics.Rouge2, 1e-12);
        Assert.AreEqual((1 + (4.0 / 7)) / 2, metrics.RougeL, 1e-12);
        Assert.AreEqual(0.5, metrics.ExactMatch);
        Assert.AreEqual((2, 0), (metrics.Count, metrics.SkippedRows));
    }

    /// <summary>Characters: P = (5/6 + 3/4 + 1/1) / 3, R = 1. The words are 1 of 2, and no text has four of them.</summary>
    [TestMethod]
    public void Short_texts_are_measured_by_their_characters()
    {
        var metrics = Evaluate(new Written { Label = "ab", GeneratedText = "abc" }, new Written { Label = "xyz", GeneratedText = "xyz" });

        Assert.AreEqual(31.0 / 32, metrics.ChrF, 1e-12);
        Assert.AreEqual((0.0, 0.5, 0.0, 0.5), (metrics.Bleu, metrics.Rouge1, metrics.Rouge2, metrics.RougeL));
    }

    [TestMethod]
    public void Identical_texts_have_the_highest_scores()
    {
        var metrics = Evaluate(
            new Written { Label = "Die Größe des Maßes, 3.5 Zoll.", GeneratedText = "Die Größe des Maßes, 3.5 Zoll." },
            new Written { Label = "今日は 😀 e\u0301", GeneratedText = "今日は 😀 e\u0301" });

        Assert.AreEqual((1, 1, 1, 1), (metrics.Rouge1, metrics.Rouge2, metrics.RougeL, metrics.ExactMatch));
        Assert.AreEqual(1, metrics.Bleu, 1e-12);
        Assert.AreEqual(1, metrics.ChrF, 1e-12);
    }

    /// <summary>
    /// Words: 1 (third reference), and 2 · 2 / (2 + 3). BLEU pools the references: all of "a b c d" and of "x y" is right; 6 words are nearest to 4
    /// and 3.
    /// </summary>
    [TestMethod]
    public void Rows_may_have_several_references()
    {
        var metrics = Evaluate("References",
            new Written { References = ["a b", "", "a b c d"], GeneratedText = "a b c d" },
            new Written { References = ["x y z", "p q r s"], GeneratedText = "x y" });

        Assert.AreEqual(Math.Exp(1 - (7.0 / 6)), metrics.Bleu, 1e-12);
        Assert.AreEqual((1 + 0.8) / 2, metrics.Rouge1, 1e-12);
        Assert.AreEqual((1 + (2.0 / 3)) / 2, metrics.Rouge2, 1e-12);
        Assert.AreEqual((1 + 0.8) / 2, metrics.RougeL, 1e-12);
        Assert.AreEqual(0.5, metrics.ExactMatch);
    }

    /// <summary>The second row has the length 4 and nothing right: BLEU exp(1 - 8/4).</summary>
    [TestMethod]
    public void Empty_predictions_are_measured()
    {
        var metrics = Evaluate(new Written { Label = "a b c d", GeneratedText = "a b c d" }, new Written { Label = "e f g h", GeneratedText = "" });

        Assert.AreEqual(Math.Exp(-1), metrics.Bleu, 1e-12);
        Assert.AreEqual((0.5, 0.5, 0.5, 0.5), (metrics.Rouge1, metrics.Rouge2, metrics.RougeL, metrics.ExactMatch));
        Assert.AreEqual(2, metrics.Count);
    }

    [TestMethod]
    public void Rows_without_a_reference_are_skipped_and_counted()
    {
        var metrics = Evaluate("References",
            new Written { References = [], GeneratedText = "a" },
            new Written { References = ["", " \t"], GeneratedText = "" },
            new Written { References = ["a b c d"], GeneratedText = "a b c d" });

        Assert.AreEqual((1, 2), (metrics.Count, metrics.SkippedRows));
        Assert.AreEqual((1, 1), (metrics.Rouge1, metrics.ExactMatch));
    }

    [TestMethod]
    public void No_rows_are_refused()
    {
        Assert.AreEqual(
            "There are no rows to measure: the data is empty.", Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate("Label")).Message);
        Assert.AreEqual(
            "There are no rows to measure: none of 2 has a text in the label column 'Label'. Give each row a reference.",
            Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(new Written { GeneratedText = "a" }, new Written())).Message);
    }

    [TestMethod]
    [DataRow("Nothing", "GeneratedText", "The label column 'Nothing' is missing; expected text or a vector of text. The data has: Label")]
    [DataRow("Number", "GeneratedText", "The label column 'Number' is Single; expected text or a vector of text")]
    [DataRow("Label", "Nothing", "The generated text column 'Nothing' is missing; expected text")]
    [DataRow("Label", "References", "The generated text column 'References' is Vector<String>; expected text")]
    public void Columns_must_be_texts(string label, string predicted, string message)
    {
        var data = Context.Data.LoadFromEnumerable<Written>([new()]);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateText(data, label, predicted));

        Assert.Contains(message, error.Message);
    }

    private static TextGenerationMetrics Evaluate(params Written[] rows) => Evaluate("Label", rows);

    private static TextGenerationMetrics Evaluate(string label, params Written[] rows) =>
        Context.MulticlassClassification.EvaluateText(Context.Data.LoadFromEnumerable(rows), label);

    private sealed class Written
    {
        public string Label { get; set; } = "";

        public string[] References { get; set; } = [];

        public string GeneratedText { get; set; } = "";

        public float Number { get; set; }
    }
}
