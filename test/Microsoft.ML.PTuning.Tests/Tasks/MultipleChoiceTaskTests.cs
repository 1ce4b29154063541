using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Encoding, labels, loss and decoding of choices, against their formulas.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class MultipleChoiceTaskTests
{
    private const int Cls = 2, Sep = 3, A = 5, B = 6, C = 7, D = 8;

    private static readonly TokenizerFolder Folder = TokenizerFolder.WordPiece("{}", "a", "b", "c", "d");

    [ClassCleanup]
    public static void Delete() => Folder.Dispose();

    [TestMethod]
    public void Every_choice_is_paired_with_the_premise()
    {
        var part = Read(new Row { Sentence1 = "a b", Choices = ["c", "d c"], Label = 1 }).Examples[0].Parts[0];

        CollectionAssert.AreEqual(new[] { Cls, A, B, Sep, C, Sep }, part.Sequences[0].Ids);
        CollectionAssert.AreEqual(new[] { Cls, A, B, Sep, D, C, Sep }, part.Sequences[1].Ids);
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 1, 1, 1 }, part.Sequences[1].Segments);
        CollectionAssert.AreEqual(new float[] { 1 }, part.Target);
    }

    [TestMethod]
    public void Index_below_zero_is_a_missing_label()
    {
        int[] labels = [-1, 0, 1, int.MinValue];
        var rows = Read([.. labels.Select(label => new Row { Sentence1 = "a", Choices = ["c", "d"], Label = label })]);

        Assert.AreEqual((2, 2), (rows.Examples.Count, rows.Skipped));
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(int.MaxValue)]
    public void Index_beyond_the_choices_is_refused(int label)
    {
        Row[] rows = [new() { Sentence1 = "a", Choices = ["c", "d"], Label = 0 }, new() { Sentence1 = "a", Choices = ["c", "d"], Label = label }];

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Read(rows));

        Assert.Contains($"Label column 'Label' of row 1 has the index {label}, but the row has 2 choices.", refusal.Message);
    }

    /// <summary>ML.NET reads a key property from 0: what the property says is the index, what the column holds is one more.</summary>
    [TestMethod]
    public void Key_property_is_the_index_of_the_right_choice()
    {
        uint[] labels = [0, 1, 2, 3];
        var data = new MLContext().Data.LoadFromEnumerable(labels.Select(label => new KeyedRow { Choices = ["a", "b", "c"], Label = label }));

        var rows = ExampleSet.Read(data, Any.Choice, Folder.Load(), () => { });

        CollectionAssert.AreEqual(new float[] { 0, 1, 2 }, rows.Examples.Select(e => e.Parts[0].Target[0]).ToArray());
        Assert.AreEqual(1, rows.Skipped); // 3 is none of the 3 keys.
    }

    [TestMethod]
    public void Row_without_choices_is_skipped_in_training() =>
        Assert.AreEqual(1, Read(new Row { Sentence1 = "a", Choices = [], Label = 0 }).Skipped);

    [TestMethod]
    public void Choice_that_is_cut_makes_the_row_truncated() =>
        Assert.AreEqual(1, Read(
            new Row { Sentence1 = "a", Choices = ["b", "a b c d a b c d a b c d"], Label = 0 },
            new Row { Sentence1 = "a", Choices = ["b", "c"], Label = 0 }).Truncated);

    [TestMethod]
    public void Loss_is_the_sum_of_cross_entropies_over_each_rows_choices()
    {
        using var scope = NewDisposeScope();
        var outputs = tensor(new float[,] { { 1 }, { 3 }, { 0 }, { 0 }, { 0 }, { 7 } });
        ExamplePart[] parts = [Part(2, right: 0), Part(3, right: 2), Part(1, right: 0)];

        var loss = Any.Choice.Loss(outputs, parts).item<float>();

        Assert.AreEqual(Math.Log(1 + Math.Exp(2)) + Math.Log(3) + 0, loss, 1e-5);
        Assert.AreEqual(3, Any.Choice.LossWeight(parts));
    }

    [TestMethod]
    public void Scores_are_a_softmax_over_the_choices()
    {
        var scores = ((ScorePrediction)Any.Choice.Decode(new Example([Part(3, 0)], IsTruncated: false), [[1, 3, 2]])).Values;

        foreach (var (expected, score) in new[] { 0.090031, 0.665241, 0.244728 }.Zip(scores))
            Assert.AreEqual(expected, score, 1e-5);
    }

    [TestMethod]
    public void Row_without_choices_has_no_scores_and_no_best_choice()
    {
        var prediction = Any.Choice.Decode(new Example([], IsTruncated: false), []);

        Assert.AreEqual(0u, Value<uint>("PredictedLabel", prediction));
        Assert.AreEqual(0, Value<VBuffer<float>>("Score", prediction).Length);
    }

    [TestMethod]
    public void Single_choice_is_certain()
    {
        var prediction = Any.Choice.Decode(new Example([Part(1, 0)], IsTruncated: false), [[-5]]);

        Assert.AreEqual(1u, Value<uint>("PredictedLabel", prediction));
        Assert.AreEqual(1f, Value<VBuffer<float>>("Score", prediction).GetItemOrDefault(0));
    }

    [TestMethod]
    public void Metric_is_the_share_of_right_choices()
    {
        Assert.AreEqual("accuracy", Any.Choice.MetricName);
        Assert.AreEqual(0.5, Any.Choice.Measure([Scored(0.2f, 0.8f), Scored(0.5f, 0.3f, 0.2f)], [Example(2, 1), Example(3, 2)]));
    }

    [TestMethod]
    public void One_place_for_every_row_is_a_collapse()
    {
        Assert.AreEqual(
            "The model takes choice 2 in every row: training has collapsed onto a place. "
            + "Lower the learning rate (try a fifth of it), or train longer.",
            Any.Choice.FindCollapse([Scored(0.2f, 0.8f), Scored(0.3f, 0.7f)], [Example(2, 0), Example(2, 1)]));
        Assert.IsNull(Any.Choice.FindCollapse([Scored(0.2f, 0.8f), Scored(0.7f, 0.3f)], [Example(2, 0), Example(2, 1)]));
        Assert.IsNull(Any.Choice.FindCollapse([Scored(0.2f, 0.8f), Scored(0.3f, 0.7f)], [Example(2, 1), Example(2, 1)]));
    }

    [TestMethod]
    public void Rows_of_one_choice_each_are_refused()
    {
        ExampleSet rows = new([Example(1, 0), Example(1, 0)], Skipped: 0);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Any.Choice.ForTargets(rows));

        Assert.Contains("No training row has more than one choice in column 'Choices'.", refusal.Message);
    }

    [TestMethod]
    [DataRow(4, "MaxLength is 4, but 3 special tokens stand around a premise and a choice, and both need room. Use more.")]
    [DataRow(5, null)]
    public void Room_for_less_than_a_token_of_each_is_a_misfit(int maxLength, string? misfit) =>
        Assert.AreEqual(misfit, (Any.Choice with { MaxLength = maxLength }).FindMisfit(Folder.Load()));

    private static ExampleSet Read(params Row[] rows) =>
        ExampleSet.Read(new MLContext().Data.LoadFromEnumerable(rows), Any.Choice, Folder.Load(), () => { });

    private static ExamplePart Part(int choices, float right) => new([.. Enumerable.Repeat(Any.Part(0).Sequences[0], choices)], [right]);

    private static Example Example(int choices, float right) => new([Part(choices, right)], IsTruncated: false);

    private static ScorePrediction Scored(params float[] scores) => new(scores);

    private static T Value<T>(string column, Prediction prediction)
    {
        T value = default!;
        ((ValueGetter<T>)Any.Choice.Outputs.Single(output => output.Name == column).CreateGetter(() => prediction))(ref value);
        return value;
    }

    private sealed class Row
    {
        public string Sentence1 { get; set; } = "";

        public string[] Choices { get; set; } = [];

        public int Label { get; set; }
    }

    private sealed class KeyedRow
    {
        public string Sentence1 { get; set; } = "a";

        public string[] Choices { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }
}
