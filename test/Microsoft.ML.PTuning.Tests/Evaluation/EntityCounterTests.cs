using System.Globalization;
using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class EntityCounterTests
{
    // The example that seqeval documents.
    private static readonly (string Label, string Predicted)[] Documented =
    [
        ("O O O B-MISC I-MISC I-MISC O", "O O B-MISC I-MISC I-MISC I-MISC O"),
        ("B-PER I-PER O", "B-PER I-PER O"),
    ];

    [TestMethod]
    public void Scores_of_seqevals_example_are_those_it_documents()
    {
        var metrics = Measure(Documented);

        Assert.AreEqual(0.5, metrics.MicroF1);
        Assert.AreEqual(0.5, metrics.MicroPrecision);
        Assert.AreEqual(0.5, metrics.MicroRecall);
        Assert.AreEqual(0.5, metrics.MacroF1);
        Assert.AreEqual(0.8, metrics.WordAccuracy);
        Assert.AreEqual((0, 0, 0, 1, 1), Figures(metrics.PerType["MISC"]));
        Assert.AreEqual((1, 1, 1, 1, 1), Figures(metrics.PerType["PER"]));

        static (double Precision, double Recall, double F1, int Support, int Predicted) Figures(ClassScore score) =>
            (score.Precision, score.Recall, score.F1, score.Support, score.Predicted);
    }

    [TestMethod]
    [DataRow(EntityReading.Lenient, 1)]
    [DataRow(EntityReading.Strict, 0)]
    public void Seqevals_example_of_the_two_modes_differs_as_documented(EntityReading reading, double expected)
    {
        var counter = new EntityCounter();
        counter.AddTags(["B-NP", "I-NP", "O"], ["I-NP", "I-NP", "O"], reading);

        Assert.AreEqual(expected, counter.Measure().MicroF1);
    }

    [TestMethod]
    public void Row_with_words_but_without_labels_is_left_out_and_counted()
    {
        var counter = new EntityCounter();
        counter.AddTags(["B-PER"], ["B-PER"]);
        counter.AddTags([], ["B-PER", "O"]);
        counter.AddTags([], []);

        var metrics = counter.Measure();

        Assert.AreEqual((1, 1, 1.0, 1.0), (metrics.SkippedRows, metrics.PredictedEntities, metrics.MicroF1, metrics.WordAccuracy));
    }

    [TestMethod]
    public void Micro_counts_entities_and_macro_counts_types()
    {
        // PER: 2 of 2 found, 3 predicted. LOC: 0 of 1. ORG: never labelled, 1 predicted.
        var metrics = Measure(("B-PER O B-PER O B-LOC", "B-PER B-PER B-PER B-ORG O"));

        Assert.AreEqual(2.0 / 4, metrics.MicroPrecision);
        Assert.AreEqual(2.0 / 3, metrics.MicroRecall);
        Assert.AreEqual(2 * 2.0 / (4 + 3), metrics.MicroF1, 1e-15);
        Assert.AreEqual((2.0 / 3 + 0 + 0) / 3, metrics.MacroPrecision, 1e-15);
        Assert.AreEqual((1.0 + 0 + 0) / 3, metrics.MacroRecall, 1e-15);
        Assert.AreEqual((0.8 + 0 + 0) / 3, metrics.MacroF1, 1e-15);
        CollectionAssert.AreEqual(new[] { "LOC", "ORG", "PER" }, metrics.PerType.Keys.ToArray());
        Assert.AreEqual((3, 4, 2), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
    }

    [TestMethod]
    [DataRow("B-PER I-PER", "B-PER O", DisplayName = "Too short")]
    [DataRow("B-PER O", "B-PER I-PER", DisplayName = "Too long")]
    [DataRow("B-PER I-PER", "B-ORG I-ORG", DisplayName = "Another type")]
    [DataRow("B-PER I-PER", "B-PER B-PER", DisplayName = "In two")]
    public void An_entity_that_is_nearly_right_is_wrong(string label, string predicted) =>
        Assert.AreEqual(0, Measure((label, predicted)).CorrectEntities);

    [TestMethod]
    public void An_entity_does_not_reach_into_the_next_row()
    {
        var metrics = Measure(("O B-PER", "O B-PER"), ("I-PER O", "I-PER O"));

        Assert.AreEqual(2, metrics.CorrectEntities);
    }

    [TestMethod]
    [DataRow("I-PER I-PER B-PER O I-LOC", "B-PER I-PER B-PER O B-LOC", DisplayName = "IOB1")]
    [DataRow("B-PER E-PER S-PER O S-LOC", "B-PER I-PER B-PER O B-LOC", DisplayName = "BIOES")]
    public void Labels_of_another_scheme_match_predictions_in_IOB2(string label, string predicted)
    {
        var metrics = Measure((label, predicted));

        Assert.AreEqual(1, metrics.MicroF1);
        Assert.AreEqual(1, metrics.WordAccuracy);
    }

    [TestMethod]
    public void Word_accuracy_counts_an_ill_begun_entity_as_conlleval_does() =>
        Assert.AreEqual(2.0 / 3, Measure(("B-NP I-NP O", "I-NP I-NP O")).WordAccuracy);

    [TestMethod]
    public void Without_entities_every_share_is_0()
    {
        var metrics = Measure(("O O", "O O"));

        Assert.AreEqual(0, metrics.MicroF1);
        Assert.AreEqual(0, metrics.MacroF1);
        Assert.AreEqual(1, metrics.WordAccuracy);
    }

    [TestMethod]
    public void Without_words_the_word_accuracy_is_not_a_number() => Assert.AreEqual(double.NaN, Measure(("", "")).WordAccuracy);

    [TestMethod]
    public void Spans_are_a_set()
    {
        var counter = new EntityCounter();
        counter.AddSpans([new("PER", 0, 5), new("LOC", 9, 12)], [new("LOC", 9, 12), new("PER", 0, 5), new("PER", 0, 5)]);

        Assert.AreEqual(1, counter.Measure().MicroPrecision);
    }

    [TestMethod]
    public void Overlapping_spans_count_each()
    {
        var counter = new EntityCounter();
        counter.AddSpans([new("ORG", 0, 18), new("LOC", 14, 18)], [new("LOC", 14, 18)]);

        Assert.AreEqual(0.5, counter.Measure().MicroRecall);
    }

    [TestMethod]
    public void Word_accuracy_of_spans_is_not_a_number()
    {
        var counter = new EntityCounter();
        counter.AddSpans([new("PER", 0, 5)], [new("PER", 0, 5)]);

        Assert.AreEqual(double.NaN, counter.Measure().WordAccuracy);
    }

    [TestMethod]
    public void Rows_of_different_length_are_refused() => Assert.ThrowsExactly<ArgumentException>(() => Measure(("O O", "O")));

    [TestMethod]
    public void Report_has_conllevals_lines() => Assert.AreEqual(
        """
        processed 10 tokens with 2 phrases; found: 2 phrases; correct: 1.
        accuracy:  80.00%; precision:  50.00%; recall:  50.00%; FB1:  50.00
                     MISC: precision:   0.00%; recall:   0.00%; FB1:   0.00  1
                      PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1

        """.ReplaceLineEndings("\n"),
        Measure(Documented).GetFormattedReport());

    [TestMethod]
    public void Report_of_spans_counts_rows_and_has_no_accuracy()
    {
        var counter = new EntityCounter();
        counter.AddSpans([new("PER", 0, 5), new("PER", 7, 9)], [new("PER", 0, 5)]);

        Assert.AreEqual(
            """
            processed 1 rows with 2 phrases; found: 1 phrases; correct: 1.
            precision: 100.00%; recall:  50.00%; FB1:  66.67
                          PER: precision: 100.00%; recall:  50.00%; FB1:  66.67  1

            """.ReplaceLineEndings("\n"),
            counter.Measure().GetFormattedReport());
    }

    [TestMethod]
    public void Report_is_the_same_in_every_culture()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.Contains("FB1:  50.00", Measure(Documented).GetFormattedReport());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [TestMethod]
    public void Shares_are_those_of_conllevals_published_example()
    {
        var score = new ClassScore(correct: 371, support: 459, predicted: 539);

        Assert.AreEqual(68.83, 100 * score.Precision, 0.005);
        Assert.AreEqual(80.83, 100 * score.Recall, 0.005);
        Assert.AreEqual(74.35, 100 * score.F1, 0.005);
    }

    private static NamedEntityMetrics Measure(params (string Label, string Predicted)[] rows)
    {
        var counter = new EntityCounter();
        foreach (var (label, predicted) in rows)
            counter.AddTags(Words(label), Words(predicted));
        return counter.Measure();
    }

    private static string[] Words(string tags) => tags.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
