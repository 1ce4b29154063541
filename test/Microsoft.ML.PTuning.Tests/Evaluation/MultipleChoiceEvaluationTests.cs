using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class MultipleChoiceEvaluationTests
{
    private static readonly MLContext Context = new(1);

    [TestMethod]
    public void Choices_are_measured_whatever_their_number()
    {
        var data = Context.Data.LoadFromEnumerable<ChoiceRow>(
        [
            new() { Index = 1, Score = [0.25f, 0.75f] },
            new() { Index = 2, Score = [0.5f, 0.25f, 0.25f] },
            new() { Index = 0, Score = [1] },
            new() { Index = 0, Score = [0.5f, 0.5f] }, // Of equals the first.
            new() { Index = 0, Score = [0, 1] },
            new() { Index = -1, Score = [1, 0] },
            new() { Index = 0, Score = [] },
        ]);

        var metrics = Context.MulticlassClassification.EvaluateMultipleChoice(data, "Index");

        Assert.AreEqual((3, 5, 2), (metrics.CorrectRows, metrics.Count, metrics.SkippedRows));
        Assert.AreEqual(3.0 / 5, metrics.MicroAccuracy);
        Assert.AreEqual(-(Math.Log(0.75) + Math.Log(0.25) + Math.Log(1) + Math.Log(0.5) + Math.Log(1e-15)) / 5, metrics.LogLoss, 1e-12);
    }

    [TestMethod]
    [DataRow("Key")]
    [DataRow("ByteKey")]
    [DataRow("LongKey")]
    public void Right_choice_may_be_a_key(string column)
    {
        var data = Context.Data.LoadFromEnumerable<ChoiceRow>(
        [
            ChoiceRow.Of(1, 0.25f, 0.75f),
            ChoiceRow.Of(0, 0.25f, 0.75f),
            ChoiceRow.Of(5, 0.25f, 0.75f), // Beyond the key's count ML.NET reads a missing one.
        ]);

        var metrics = Context.MulticlassClassification.EvaluateMultipleChoice(data, column);

        Assert.AreEqual((1, 2, 1), (metrics.CorrectRows, metrics.Count, metrics.SkippedRows));
    }

    [TestMethod]
    [DataRow("Nothing", "Score", "The label column 'Nothing' is missing; expected the index of the right choice from 0")]
    [DataRow("Number", "Score", "The label column 'Number' is Single; expected the index of the right choice from 0")]
    [DataRow("Index", "Number", "The score column 'Number' is Single; expected a vector of Single")]
    public void Columns_of_choices_must_fit(string label, string score, string message)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateMultipleChoice(
            Context.Data.LoadFromEnumerable<ChoiceRow>([new() { Score = [1] }]), label, score));

        Assert.Contains(message, error.Message);
    }

    [TestMethod]
    public void Label_of_mapped_values_is_no_index()
    {
        var data = Context.Data.LoadFromEnumerable<ChoiceRow>([new() { Score = [1] }]);
        var mapped = Context.Transforms.Conversion.MapValueToKey("Index").Fit(data).Transform(data);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateMultipleChoice(mapped, "Index"));

        Assert.Contains("The label column 'Index' is a key that stands for values", error.Message);
    }

    [TestMethod]
    public void Index_beyond_the_choices_is_named_with_its_row()
    {
        var data = Context.Data.LoadFromEnumerable<ChoiceRow>([new() { Score = [1] }, new() { Index = 2, Score = [0, 1] }]);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.EvaluateMultipleChoice(data, "Index"));

        Assert.Contains("Row 1 (the first is 0) has the index 2 in column 'Index', but 2 scores in column 'Score'", error.Message);
    }

    [TestMethod]
    public void Choices_without_any_label_are_refused()
    {
        var data = Context.Data.LoadFromEnumerable<ChoiceRow>([new() { Index = -1, Score = [1] }]);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.EvaluateMultipleChoice(data, "Index"));

        Assert.Contains("No row has an index in column 'Index' and scores in column 'Score': 1 rows have none", error.Message);
    }

    private sealed class ChoiceRow
    {
        public int Index { get; set; }

        [KeyType(2)]
        public uint Key { get; set; }

        [KeyType(2)]
        public byte ByteKey { get; set; }

        [KeyType(2)]
        public ulong LongKey { get; set; }

        public float[] Score { get; set; } = [];

        public float Number { get; set; }

        public static ChoiceRow Of(byte right, params float[] scores) =>
            new() { Key = right, ByteKey = right, LongKey = right, Score = scores };
    }
}
