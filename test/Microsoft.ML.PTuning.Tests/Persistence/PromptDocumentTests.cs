using System.Text;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Persistence;

[TestClass]
public class PromptDocumentTests
{
    private static readonly MulticlassClassification Multiclass = new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "First",
        Sentence2ColumnName = "Second",
        ScoreColumnName = "Score",
        PredictedLabelColumnName = "PredictedLabel",
        MaxLength = 128,
        Labels = new LabelValues(2, "Single", ["0.1", "-3E+20"]),
    };

    [TestMethod]
    public void Multiclass_task_comes_back()
    {
        var read = (MulticlassClassification)Again(Any.Document(Multiclass)).Task;

        Assert.IsTrue(read.Labels!.IsSameAs(Multiclass.Labels!));
        Assert.AreEqual(Multiclass, read with { Labels = Multiclass.Labels });
    }

    [TestMethod]
    public void Binary_task_comes_back()
    {
        var task = new BinaryClassification
        {
            LabelColumnName = "Label",
            Sentence1ColumnName = "Text",
            ScoreColumnName = "Score",
            PredictedLabelColumnName = "PredictedLabel",
            ProbabilityColumnName = "P",
            MaxLength = 64,
        };

        Assert.AreEqual(task, Again(Any.Document(task)).Task);
    }

    [TestMethod]
    public void Regression_task_comes_back_with_the_exact_scale_of_its_targets()
    {
        var task = new TextRegression
        {
            LabelColumnName = "Label",
            Sentence1ColumnName = "Text",
            ScoreColumnName = "Score",
            MaxLength = 64,
            TargetMean = 1.0 / 3,
            TargetDeviation = Math.PI,
        };

        Assert.AreEqual(task, Again(Any.Document(task)).Task);
    }

    [TestMethod]
    public void Scale_of_no_extent_is_refused()
    {
        var task = new TextRegression { LabelColumnName = "L", Sentence1ColumnName = "T", ScoreColumnName = "S", MaxLength = 8, TargetDeviation = 0 };

        var refusal = Assert.ThrowsExactly<FormatException>(() => Again(Any.Document(task)));
        Assert.Contains("its targetDeviation 0; expected finite numbers, the second above 0", refusal.Message);
    }

    [TestMethod]
    public void Epochs_come_back_in_six_digits()
    {
        EpochSummary[] epochs =
        [
            new() { Epoch = 1, Loss = 0.123456789, Metric = 0.5, ValidationLoss = 1234.56789, ValidationMetric = -1e-9, MetricName = "R²" },
            new() { Epoch = 2, Loss = 1, Metric = 0.25, ValidationLoss = 0, ValidationMetric = 1, MetricName = "R²" },
        ];

        var read = Again(Any.Document(Multiclass) with { Training = Summary(epochs) }).Training!.Epochs;

        CollectionAssert.AreEqual(
            new[] { (1, 0.123457, 0.5, (double?)1234.57, (double?)-1e-9, "R²"), (2, 1, 0.25, 0, 1, "R²") },
            read.Select(e => (e.Epoch, e.Loss, e.Metric, e.ValidationLoss, e.ValidationMetric, e.MetricName)).ToArray());
    }

    [TestMethod]
    public void Infinite_loss_does_not_prevent_saving()
    {
        EpochSummary[] epochs = [new() { Epoch = 1, Loss = double.PositiveInfinity, Metric = double.NaN, MetricName = "accuracy" }];

        var read = Again(Any.Document(Multiclass) with { Training = Summary(epochs) }).Training!.Epochs[0];

        Assert.AreEqual((double.PositiveInfinity, double.NaN, null), (read.Loss, read.Metric, read.ValidationLoss));
    }

    [TestMethod]
    public void Document_holds_no_computed_properties()
    {
        var json = Encoding.UTF8.GetString(Any.Document(Multiclass).ToBytes());

        foreach (var name in new[] { "outputs", "inputs", "head", "scoreColumnKind", "metricName" })
            Assert.DoesNotContain($"\"{name}\"", json);
    }

    private static PromptDocument Again(PromptDocument document) => PromptDocument.Read(document.ToBytes(), "test");

    private static TrainingSummary Summary(IReadOnlyList<EpochSummary> epochs) => new()
    {
        TrainedParameters = 1,
        TrainedShare = 0.1,
        TensorBytes = 4,
        RowsUsed = 2,
        RowsSkipped = 0,
        RowsTruncated = 0,
        Epochs = epochs,
        BestEpoch = 1,
        Warnings = [],
        Seed = 1,
        Shards = 1,
        TrainingTime = TimeSpan.FromSeconds(1),
        SamplesPerSecond = 2,
    };
}
