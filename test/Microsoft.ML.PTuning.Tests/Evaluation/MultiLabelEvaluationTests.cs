using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class MultiLabelEvaluationTests
{
    private static readonly MLContext Context = new(1);

    private static readonly LabelSets[] Rows =
    [
        LabelSets.Of("a b", "b a"),      // Right, in another order.
        LabelSets.Of("a", "a b"),
        LabelSets.Of("c", ""),
        LabelSets.Of("", ""),            // Right: none.
        LabelSets.Of("b", "c"),
    ];

    /// <summary>a: 2 right of 2 and 2; b: 1 of 2 labelled, 2 predicted; c: 0 of 1 and 1.</summary>
    [TestMethod]
    [DataRow("Labels", "Predictions")]
    [DataRow("Flags", "PredictedFlags")]
    public void Classes_are_counted_over_all_rows_and_each_by_itself(string label, string predicted)
    {
        var metrics = Context.MulticlassClassification.EvaluateMultiLabel(Context.Data.LoadFromEnumerable(Rows), label, predicted);

        string[] names = label == "Flags" ? ["0", "1", "2"] : ["a", "b", "c"];
        CollectionAssert.AreEqual(names, metrics.PerClass.Keys.ToArray());
        Assert.AreEqual(3.0 / 5, metrics.MicroPrecision, 1e-12);
        Assert.AreEqual(3.0 / 5, metrics.MicroRecall, 1e-12);
        Assert.AreEqual(3.0 / 5, metrics.MicroF1, 1e-12);
        Assert.AreEqual((1 + 0.5 + 0) / 3, metrics.MacroF1, 1e-12);
        Assert.AreEqual(2.0 / 5, metrics.SubsetAccuracy, 1e-12);
        Assert.AreEqual(5, metrics.Count);
        Assert.AreEqual((2, 2), (metrics.PerClass[names[1]].Support, metrics.PerClass[names[1]].Predicted));
    }

    [TestMethod]
    [DataRow("Nothing", "Predictions", "The label column 'Nothing' is missing; expected a vector of text (names of classes), or a vector of Boolean")]
    [DataRow("Labels", "Flags", "expected a vector of text, as the label column is")]
    [DataRow("Flags", "Predictions", "expected Vector<Boolean, 3>, as the label column is")]
    public void Columns_must_have_one_form(string label, string predicted, string message)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            Context.MulticlassClassification.EvaluateMultiLabel(Context.Data.LoadFromEnumerable(Rows), label, predicted));

        Assert.Contains(message, error.Message);
    }

    [TestMethod]
    public void No_rows_and_one_column_for_both_are_refused()
    {
        var none = Context.Data.LoadFromEnumerable<LabelSets>([]);

        Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.EvaluateMultiLabel(none, "Labels", "Predictions"));
        Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.EvaluateMultiLabel(none, "Labels", "Labels"));
    }

    private sealed class LabelSets
    {
        public string[] Labels { get; set; } = [];

        public string[] Predictions { get; set; } = [];

        [VectorType(3)]
        public bool[] Flags { get; set; } = [];

        [VectorType(3)]
        public bool[] PredictedFlags { get; set; } = [];

        public static LabelSets Of(string labels, string predictions) => new()
        {
            Labels = labels.Split(' '),
            Predictions = predictions.Split(' '),
            Flags = FlagsOf(labels),
            PredictedFlags = FlagsOf(predictions),
        };

        private static bool[] FlagsOf(string names) => [names.Contains('a'), names.Contains('b'), names.Contains('c')];
    }
}
