using System.Text;
using System.Text.Json.Nodes;
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
    public void Warnings_come_back_with_their_codes()
    {
        TrainingWarning[] warnings = [.. Enum.GetValues<TrainingWarningCode>().Select(code => new TrainingWarning(code, $"About {code}."))];

        var read = Again(Any.Document(Multiclass) with { Training = Summary([], warnings) }).Training!.Warnings;

        CollectionAssert.AreEqual(warnings.Select(w => (w.Code, w.Text)).ToArray(), read.Select(w => (w.Code, w.Text)).ToArray());
    }

    [TestMethod]
    [DataRow("\"Prose.\"", DisplayName = "prose, as the first files have it")]
    [DataRow("{\"code\":\"ofALaterVersion\",\"text\":\"Prose.\"}", DisplayName = "a code of a later version")]
    [DataRow("{\"text\":\"Prose.\"}", DisplayName = "no code")]
    public void Warning_without_a_code_that_is_known_is_kept_as_another(string warning)
    {
        var json = Encoding.UTF8.GetString((Any.Document(Multiclass) with { Training = Summary([]) }).ToBytes());

        var changed = JsonNode.Parse(json.Replace("\"warnings\":[]", $"\"warnings\":[{warning}]"))!.AsObject();
        changed.Remove("digest");
        var read = PromptDocument.Read(Encoding.UTF8.GetBytes(changed.ToJsonString()), "test").Training!;

        var found = Assert.ContainsSingle(read.Warnings);
        Assert.AreEqual((TrainingWarningCode.Other, "Prose."), (found.Code, found.Text));
    }

    [TestMethod]
    [DataRow("null")]
    [DataRow("{}")]
    [DataRow("5")]
    public void Warning_without_a_text_is_refused(string warning)
    {
        var json = Encoding.UTF8.GetString((Any.Document(Multiclass) with { Training = Summary([]) }).ToBytes());

        Assert.ThrowsExactly<FormatException>(
            () => PromptDocument.Read(Encoding.UTF8.GetBytes(json.Replace("\"warnings\":[]", $"\"warnings\":[{warning}]")), "test"));
    }

    [TestMethod]
    public void Document_holds_no_computed_properties()
    {
        var json = Encoding.UTF8.GetString(Any.Document(Multiclass).ToBytes());

        foreach (var name in new[] { "outputs", "inputs", "head", "scoreColumnKind", "metricName" })
            Assert.DoesNotContain($"\"{name}\"", json);
    }

    [TestMethod]
    public void Document_of_another_version_kind_or_shape_says_what_it_lacks()
    {
        var json = Encoding.UTF8.GetString(Any.Document(Multiclass).ToBytes());

        Refuses("\"formatVersion\":1", "\"formatVersion\":1.5", "It has no formatVersion, a number from 1.");
        Refuses("\"formatVersion\":1", "\"formatVersion\":2", "'test' has format version 2; this version of the library reads up to 1");
        Refuses("\"task\":{\"kind\":\"multiclass-classification\",", "\"task\":{", "It has no task with a kind.");
        Refuses("\"method\":{", "\"other\":{", "It has no method with a kind.");
        Refuses("\"backbone\":{", "\"other\":{", "It has no backbone.");
        Refuses(json, "[]", "It is no JSON object.");

        void Refuses(string text, string change, string reason)
        {
            Assert.Contains(text, json);
            var changed = Encoding.UTF8.GetBytes(json.Replace(text, change));
            Assert.Contains(reason, Assert.ThrowsExactly<FormatException>(() => PromptDocument.Read(changed, "test")).Message);
        }
    }

    [TestMethod]
    public void Task_prints_its_name() => Assert.AreEqual("MulticlassClassification", Multiclass.ToString());

    private static PromptDocument Again(PromptDocument document) => PromptDocument.Read(document.ToBytes(), "test");

    private static TrainingSummary Summary(IReadOnlyList<EpochSummary> epochs, params TrainingWarning[] warnings) => new()
    {
        TrainedParameters = 1,
        TrainedShare = 0.1,
        TensorBytes = 4,
        RowsUsed = 2,
        RowsSkipped = 0,
        RowsTruncated = 0,
        Epochs = epochs,
        BestEpoch = 1,
        Warnings = warnings,
        Seed = 1,
        Shards = 1,
        TrainingTime = TimeSpan.FromSeconds(1),
        SamplesPerSecond = 2,
    };
}
