using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class MultiLabelTaskTests
{
    private static readonly MLContext Context = new(1);

    [TestMethod]
    public void Classes_of_texts_are_those_of_the_training_rows_in_the_order_of_their_names()
    {
        var task = Learned(["loud", "blue"], [], ["", "blue"]);

        CollectionAssert.AreEqual(new[] { "blue", "loud" }, task.Labels!.Values!.ToArray());
        Assert.IsTrue(task.HasTexts);
    }

    [TestMethod]
    public void Classes_of_Booleans_have_the_names_of_their_slots_or_their_numbers()
    {
        var data = Context.Data.LoadFromEnumerable([new Flags { Label = [true, false] }]);
        var named = Context.Data.LoadFromEnumerable([new Flags { Label = [true, false] }], Named("blue", "loud"));

        CollectionAssert.AreEqual(new[] { "0", "1" }, Any.MultiLabel(0).ForData(data, () => { }).Classes!.Values!.ToArray());
        CollectionAssert.AreEqual(new[] { "blue", "loud" }, Any.MultiLabel(0).ForData(named, () => { }).Classes!.Values!.ToArray());
    }

    [TestMethod]
    public void Booleans_without_a_size_are_refused()
    {
        var data = Context.Data.LoadFromEnumerable([new AnyFlags { Label = [true] }]);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Any.MultiLabel(0).ForData(data, () => { }));

        Assert.Contains("expected a vector of known size, a Boolean per class", refusal.Message);
    }

    [TestMethod]
    public void Texts_without_any_class_are_refused()
    {
        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Learned([], [""]));

        Assert.Contains("The training rows have 0 different classes in label column 'Label'", refusal.Message);
    }

    [TestMethod]
    public void Rows_that_all_have_the_same_classes_are_refused()
    {
        var set = new ExampleSet([Row(1, 0), Row(1, 0)], Skipped: 0);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Any.MultiLabel(2).ForTargets(set));

        Assert.Contains("All 2 training rows have the same classes", refusal.Message);
    }

    [TestMethod]
    public void A_validation_set_has_the_labels_form()
    {
        var task = Learned(["blue"], ["loud"]);
        var flags = Context.Data.LoadFromEnumerable([new Flags { Label = [true, false] }]);

        task.CheckValidation(Context.Data.LoadFromEnumerable([new Texts { Label = ["of none of them"] }]));
        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => task.CheckValidation(flags));

        Assert.Contains("of the validation set is Vector<Boolean, 2>, but that of the training set a vector of texts", refusal.Message);
    }

    /// <summary>The mean over rows and classes of -log σ(x) for a class that a row has, and of -log σ(-x) for others.</summary>
    [TestMethod]
    public void Loss_is_the_binary_cross_entropy_of_each_class()
    {
        using var scope = NewDisposeScope();
        var task = Any.MultiLabel(2);
        ExamplePart[] parts = [Row(1, 0).Parts[0], Row(1, 1).Parts[0]];

        var loss = task.Loss(tensor(new[] { 0.5f, -1, 2, 0 }, [2, 2]), parts).item<float>() / task.LossWeight(parts);

        Assert.AreEqual((Softplus(-0.5) + Softplus(-1) + Softplus(-2) + Softplus(0)) / 4, loss, 1e-6);

        static double Softplus(double x) => Math.Log(1 + Math.Exp(x));
    }

    [TestMethod]
    public void Metric_is_the_F1_of_all_classes_of_all_rows()
    {
        var task = Any.MultiLabel(2);
        Example[] rows = [Row(1, 0), Row(1, 1), Row(0, 1)];
        Prediction[] predictions = [task.Decode(rows[0], [[1, 1]]), task.Decode(rows[1], [[1, -1]]), task.Decode(rows[2], [[-1, -1]])];

        // Two right of three predicted and four labelled.
        Assert.AreEqual(2.0 * 2 / (3 + 4), task.Measure(predictions, rows), 1e-12);
        Assert.AreEqual(2.0 * 4 / (6 + 4), task.Baseline(rows), 1e-12); // Both classes, which two of three rows have, for every row.
    }

    [TestMethod]
    public void Threshold_decides_which_classes_are_predicted()
    {
        var task = Any.MultiLabel(2) with { Threshold = 0.9 };
        var row = Row(1, 1);

        Assert.AreEqual(2.0 / 3, task.Measure([task.Decode(row, [[3, 1]])], [row]), 1e-12); // σ(3) = 0.95, σ(1) = 0.73
    }

    [TestMethod]
    public void The_same_classes_for_every_row_are_a_collapse()
    {
        var task = Any.MultiLabel(2);
        Example[] rows = [Row(1, 0), Row(0, 1)];

        Assert.Contains("no class for every row", task.FindCollapse([task.Decode(rows[0], [[-1, -1]]), task.Decode(rows[1], [[-1, -1]])], rows)!);
        Assert.Contains("the same classes for every row", task.FindCollapse([task.Decode(rows[0], [[1, -1]]), task.Decode(rows[1], [[1, -1]])], rows)!);
        Assert.IsNull(task.FindCollapse([task.Decode(rows[0], [[1, -1]]), task.Decode(rows[1], [[-1, -1]])], rows));
        Assert.IsNull(task.FindCollapse([task.Decode(rows[0], [[1, -1]]), task.Decode(rows[1], [[1, -1]])], [Row(1, 0), Row(1, 0)]));
    }

    [TestMethod]
    [DataRow("\"threshold\":0.5", "\"threshold\":1.5", "The task's threshold is 1.5; expected a number above 0 and below 1.")]
    [DataRow("\"count\":2,", "\"count\":3,", "The task names 2 label values for 3 classes.")]
    public void A_changed_file_is_refused(string part, string changed, string message)
    {
        var json = Any.Document(Any.MultiLabel(2)).ToBytes();
        var text = System.Text.Encoding.UTF8.GetString(json);
        Assert.Contains(part, text.Replace(" ", ""));

        var refusal = Assert.ThrowsExactly<FormatException>(() =>
            Microsoft.ML.PTuning.Persistence.PromptDocument.Read(System.Text.Encoding.UTF8.GetBytes(text.Replace(" ", "").Replace(part, changed)), "x"));

        Assert.Contains(message, refusal.ToString());
    }

    private static MultiLabelClassification Learned(params string[][] labels) => (MultiLabelClassification)Any.MultiLabel(0).ForData(
        Context.Data.LoadFromEnumerable(labels.Select(label => new Texts { Label = label })), () => { });

    private static Example Row(params float[] target) => new([new ExamplePart([new([2], [0])], target)], IsTruncated: false);

    private static SchemaDefinition Named(params string[] names)
    {
        var schema = SchemaDefinition.Create(typeof(Flags));
        schema["Label"].AddAnnotation("SlotNames", new VBuffer<ReadOnlyMemory<char>>(names.Length, [.. names.Select(n => n.AsMemory())]),
            new VectorDataViewType(TextDataViewType.Instance, names.Length));
        return schema;
    }

    private sealed class Texts
    {
        public string[] Label { get; set; } = [];
    }

    private sealed class Flags
    {
        [VectorType(2)]
        public bool[] Label { get; set; } = [];
    }

    private sealed class AnyFlags
    {
        public bool[] Label { get; set; } = [];
    }
}
