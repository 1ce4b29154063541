using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Loss, decoding and metric of each task, against their formulas.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class SentenceTaskTests
{
    [TestMethod]
    [DataRow(new float[] { 0, 0 }, new[] { 0.5f, 0.5f })]
    [DataRow(new float[] { 1, 3, 2 }, new[] { 0.090031f, 0.665241f, 0.244728f })]
    [DataRow(new float[] { 1e30f, -1e30f, 0 }, new float[] { 1, 0, 0 }, DisplayName = "huge")]
    [DataRow(new float[] { 30000, 30001 }, new[] { 0.268941f, 0.731059f }, DisplayName = "far from 0")]
    [DataRow(new float[] { -30000, -30001 }, new[] { 0.731059f, 0.268941f }, DisplayName = "far below 0")]
    public void Classes_decode_to_a_softmax(float[] logits, float[] expected)
    {
        var probabilities = Decode(Any.Classification(logits.Length), logits);

        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], probabilities[i], 1e-5);
    }

    [TestMethod]
    [DataRow(1f, 3f, 2f)]
    [DataRow(5f, 2f, -3f)]
    public void Binary_decodes_to_the_difference_of_the_logits(float no, float yes, float expected) =>
        Assert.AreEqual(expected, Decode(Any.BinaryClassification, [no, yes])[0]);

    [TestMethod]
    [DataRow(0f, 0.5f, false)]
    [DataRow(2f, 0.880797f, true)]
    [DataRow(-1000f, 0f, false)]
    [DataRow(1000f, 1f, true)]
    public void Binary_columns_are_score_its_sigmoid_and_its_sign(float score, float probability, bool predicted)
    {
        Assert.AreEqual(score, Value<float>(Any.BinaryClassification, "Score", [score]));
        Assert.AreEqual(probability, Value<float>(Any.BinaryClassification, "Probability", [score]), 1e-6);
        Assert.AreEqual(predicted, Value<bool>(Any.BinaryClassification, "PredictedLabel", [score]));
    }

    [TestMethod]
    public void Predicted_key_counts_from_one() =>
        Assert.AreEqual(3u, Value<uint>(Any.Classification(3), "PredictedLabel", [0.2f, 0.3f, 0.5f]));

    [TestMethod]
    public void Classification_loss_is_the_sum_of_cross_entropies()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new float[,] { { 1, 3, 2 }, { 0, 0, 0 } });

        var loss = Any.Classification(3).Loss(logits, [Any.Part(1), Any.Part(2)]);

        Assert.AreEqual(-Math.Log(0.665241) + Math.Log(3), loss.item<float>(), 1e-5);
    }

    [TestMethod]
    public void Accuracy_is_the_share_of_right_classes() =>
        Assert.AreEqual(
            2 / 3.0, Any.Classification(2).Measure(Scored([0.9f, 0.1f], [0.2f, 0.8f], [0.6f, 0.4f]), [Any.Example(0), Any.Example(1), Any.Example(1)]), 1e-12);

    [TestMethod]
    public void Regression_learns_standardised_targets_and_decodes_into_their_unit()
    {
        using var scope = NewDisposeScope();
        ExampleSet rows = new([Any.Example(100), Any.Example(300)], Skipped: 0);

        var task = (TextRegression)Any.Regression.ForTargets(rows); // Mean 200, deviation 100: the targets are -1 and 1.

        Assert.AreEqual((0.5f + 1) * (0.5f + 1) + 1, task.Loss(tensor(new float[,] { { 0.5f }, { 0 } }), [Any.Part(100), Any.Part(300)]).item<float>(), 1e-5);
        Assert.AreEqual(250f, Decode(task, [0.5f])[0], 1e-3);
    }

    [TestMethod]
    [DataRow(new float[] { 1, 2, 3 }, 1.0)]
    [DataRow(new float[] { 2, 2, 2 }, 0.0)]
    [DataRow(new float[] { 3, 2, 1 }, -3.0)]
    public void R_squared_is_one_less_the_share_of_variance_left(float[] predicted, double expected) =>
        Assert.AreEqual(expected, Any.Regression.Measure(Scored([.. predicted.Select(p => new[] { p })]), [Any.Example(1), Any.Example(2), Any.Example(3)]), 1e-9);

    [TestMethod]
    public void One_class_for_everything_is_a_collapse_that_names_the_class()
    {
        var task = Any.Classification(new LabelValues(2, "Text", ["Billing", "Sales"]));

        var collapse = task.FindCollapse(Scored([0.1f, 0.9f], [0.4f, 0.6f]), [Any.Example(0), Any.Example(1)]);

        StringAssert.Contains(collapse, "The model predicts Sales for every row");
        StringAssert.Contains(collapse, "Lower the learning rate");
    }

    [TestMethod]
    public void One_class_for_rows_of_one_class_is_no_collapse() =>
        Assert.IsNull(Any.Classification(2).FindCollapse(Scored([0.1f, 0.9f], [0.4f, 0.6f]), [Any.Example(1), Any.Example(1)]));

    [TestMethod]
    public void Several_classes_are_no_collapse() =>
        Assert.IsNull(Any.BinaryClassification.FindCollapse(Scored([1f], [-1f]), [Any.Example(1), Any.Example(1)]));

    [TestMethod]
    public void Regression_to_the_mean_is_a_collapse()
    {
        ExampleSet rows = new([Any.Example(100), Any.Example(300)], Skipped: 0);

        var task = Any.Regression.ForTargets(rows);

        StringAssert.Contains(task.FindCollapse(Scored([200f], [200.5f]), rows.Examples), "collapsed onto the mean. Lower the learning rate");
        Assert.IsNull(task.FindCollapse(Scored([200f], [202f]), rows.Examples));
    }

    private static float[] Decode(PromptTask task, float[] outputs) => ((ScorePrediction)task.Decode(Any.Example(0), [outputs])).Values;

    private static ScorePrediction[] Scored(params float[][] rows) => [.. rows.Select(row => new ScorePrediction(row))];

    private static T Value<T>(PromptTask task, string column, float[] outputs)
    {
        T value = default!;
        var getter = (ValueGetter<T>)task.Outputs.Single(output => output.Name == column).CreateGetter(() => new ScorePrediction(outputs));
        getter(ref value);
        return value;
    }
}
