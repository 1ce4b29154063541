using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Labels that are keys of bytes, ushorts and ulongs teach what keys of uints do.</summary>
[TestClass]
public sealed class KeyWidthTests
{
    private static TinyTraining s_training = null!;

    private static MLContext Context => s_training.Context;

    [ClassInitialize]
    public static void Prepare(TestContext context) => s_training = new TinyTraining();

    [ClassCleanup]
    public static void Dispose() => s_training.Dispose();

    [TestMethod]
    [DataRow(DataKind.Byte)]
    [DataRow(DataKind.UInt16)]
    [DataRow(DataKind.UInt64)]
    public void Classes_of_any_width_are_learned_evaluated_and_validated(DataKind kind)
    {
        var data = WithKeys(kind);

        var (expected, found) = (Learn("Key", data), Learn("OtherKey", data));

        CollectionAssert.AreEqual(expected.Scores, found.Scores);
        Assert.AreEqual(expected.Accuracy, found.Accuracy);
        Assert.AreEqual(1, found.Skipped);
    }

    [TestMethod]
    [DataRow(DataKind.Byte)]
    [DataRow(DataKind.UInt16)]
    [DataRow(DataKind.UInt64)]
    public void Choices_of_any_width_are_learned_and_evaluated(DataKind kind)
    {
        var data = WithKeys(kind);

        var (expected, found) = (Choose("Key", data), Choose("OtherKey", data));

        CollectionAssert.AreEqual(expected.Scores, found.Scores);
        Assert.AreEqual((expected.Metrics.CorrectRows, 39, 1), (found.Metrics.CorrectRows, found.Metrics.Count, found.Metrics.SkippedRows));
    }

    /// <summary>ML.NET's own reader of objects takes bytes and ulongs, but no ushorts.</summary>
    [TestMethod]
    [DataRow(nameof(Row.ByteKey))]
    [DataRow(nameof(Row.LongKey))]
    public void Properties_of_rows_may_be_keys_of_bytes_and_ulongs(string column)
    {
        var data = Context.Data.LoadFromEnumerable(Rows(40));

        CollectionAssert.AreEqual(Learn("Key", data).Scores, Learn(column, data).Scores);
    }

    [TestMethod]
    [DataRow(DataKind.Byte)]
    [DataRow(DataKind.UInt16)]
    [DataRow(DataKind.UInt64)]
    public void Tags_of_any_width_are_learned(DataKind kind)
    {
        using var tagging = new TinyTagging();
        var keyed = tagging.Keyed(TinyTagging.Sentences(20));
        var converted = tagging.Context.Transforms.Conversion.ConvertType("Label", outputKind: kind).Fit(keyed).Transform(keyed);

        using var expected = tagging.Trainer().Fit(keyed);
        using var found = tagging.Trainer().Fit(converted);

        CollectionAssert.AreEqual(Scores(expected.Transform(keyed)), Scores(found.Transform(keyed)));
    }

    private static (float[] Scores, double Accuracy, int Skipped) Learn(string label, IDataView data)
    {
        var options = s_training.Options;
        options.LabelColumnName = label;
        options.MaxEpochs = 1;
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data, data);
        var scored = model.Transform(data);
        return (Scores(scored), Context.MulticlassClassification.Evaluate(scored, label).MicroAccuracy, model.Summary!.RowsSkipped);
    }

    private static IDataView WithKeys(DataKind kind)
    {
        var data = Context.Data.LoadFromEnumerable(Rows(40));
        return Context.Transforms.Conversion.ConvertType("OtherKey", "Key", kind).Fit(data).Transform(data);
    }

    private static (float[] Scores, MultipleChoiceMetrics Metrics) Choose(string label, IDataView data)
    {
        var options = new PTuningV2Trainer.MultipleChoiceOptions
        {
            Backbone = s_training.Options.Backbone,
            LabelColumnName = label,
            Sentence1ColumnName = "Text",
            MaxEpochs = 1,
            PrefixLength = 4,
            MaxLength = 12,
            Seed = 1,
            Advanced = { Shards = 2 },
        };
        using var model = Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(options).Fit(data);
        var scored = model.Transform(data);
        return (Scores(scored), Context.MulticlassClassification.EvaluateMultipleChoice(scored, label));
    }

    private static float[] Scores(IDataView scored) => [.. scored.GetColumn<float[]>("Score").SelectMany(scores => scores)];

    private static IEnumerable<Row> Rows(int count) =>
        TinyTraining.Texts(count).Select((text, i) => new Row(text.Text, i == 3 ? 7 : text.Label == "late" ? 1 : 0));

    private sealed class Row
    {
        public Row(string text, int label) =>
            (Text, Key, ByteKey, LongKey) = (text, (uint)label, (byte)label, (ulong)label);

        public string Text { get; set; }

        [VectorType(2)]
        public string[] Choices { get; set; } = ["a b", "u v"];

        [KeyType(2)]
        public uint Key { get; set; }

        [KeyType(2)]
        public byte ByteKey { get; set; }

        [KeyType(2)]
        public ulong LongKey { get; set; }
    }
}
