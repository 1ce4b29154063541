using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>What the code that Model Builder generates relies on: a label column mapped in place, labels by its key values, scores in their order.</summary>
[TestClass]
public class ModelBuilderTests
{
    private static readonly MLContext Context = new(1);
    private static readonly TemporaryDirectory Folder = new();
    private static readonly TinyEncoder Encoder = new();

    [ClassCleanup]
    public static void Delete()
    {
        Encoder.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void Score_order_is_the_order_of_the_label_columns_key_values()
    {
        using var engine = Consume<TopicInput, TopicOutput>(Retrain<TopicInput>("Topic"));
        var output = engine.Predict(new TopicInput { Text = "parcel late", Topic = "" });
        VBuffer<ReadOnlyMemory<char>> labels = default;
        engine.OutputSchema["Topic"].GetKeyValues(ref labels);

        var best = labels.DenseValues().Zip(output.Score).OrderByDescending(p => p.Second).First();

        Assert.AreEqual(output.PredictedLabel, best.First.ToString());
        Assert.AreEqual(3, labels.Length);
        Assert.AreEqual(1, output.Score.Sum(), 1e-5f);
    }

    [TestMethod]
    public void Predicted_label_of_a_number_comes_back_as_a_number() =>
        Assert.Contains(Predict<FloatInput, float>(), new[] { 1f, 3f, 5f });

    [TestMethod]
    public void Predicted_label_of_a_whole_number_comes_back_as_one() =>
        Assert.Contains(Predict<IntInput, int>(), new[] { 10, 11, 12 });

    [TestMethod]
    public void Predicted_label_of_a_Boolean_comes_back_as_one() =>
        Assert.IsInstanceOfType<bool>(Predict<BoolInput, bool>());

    [TestMethod]
    public void Predicted_label_of_a_text_comes_back_as_the_text() =>
        Assert.Contains(Predict<TopicInput, string>(), Tickets.Topics);

    [TestMethod]
    public void Labels_with_every_kind_of_character_survive()
    {
        string[] names = ["a \"quoted\" \\ name", "naïve – 日本語 😀", "line\nbreak\ttab <&>"];
        var rows = Tickets.Rows(12).Select(row => new TopicInput { Text = row.Text, Topic = names[row.Number % 3] });
        var path = Save(Context.Data.LoadFromEnumerable(rows), "Topic");
        using var engine = Consume<TopicInput, TopicOutput>(path);
        VBuffer<ReadOnlyMemory<char>> slots = default;
        engine.OutputSchema["Score"].GetSlotNames(ref slots);

        CollectionAssert.AreEqual(names, slots.DenseValues().Select(n => n.ToString()).ToArray());
    }

    private static TLabel Predict<TInput, TLabel>()
        where TInput : class, IRow, new()
    {
        using var engine = Consume<TInput, Output<TLabel>>(Retrain<TInput>("Topic"));
        return engine.Predict(new TInput { Text = "error crash" }).PredictedLabel;
    }

    private static string Retrain<TInput>(string label)
        where TInput : class, IRow, new() =>
        Save(Context.Data.LoadFromEnumerable(Tickets.Rows(12).Select(row =>
        {
            var input = new TInput { Text = row.Text };
            input.SetTopic(row);
            return input;
        })), label);

    private static string Save(IDataView data, string label)
    {
        var pipeline = Context.Transforms.Conversion.MapValueToKey(outputColumnName: label, inputColumnName: label, addKeyValueAnnotationsAsText: false)
            .Append(Context.MulticlassClassification.Trainers.PTuningV2(WithLabel(label)))
            .Append(Context.Transforms.Conversion.MapKeyToValue(outputColumnName: "PredictedLabel", inputColumnName: "PredictedLabel"));
        var path = Folder.File($"{Guid.NewGuid():N}.mlnet");
        using var model = pipeline.Fit(data);
        Context.Model.Save(model, data.Schema, path);
        return path;
    }

    private static PTuningV2Trainer.MulticlassOptions WithLabel(string label)
    {
        var options = Encoder.Options();
        options.LabelColumnName = label;
        return options;
    }

    private static PredictionEngine<TInput, TOutput> Consume<TInput, TOutput>(string path)
        where TInput : class
        where TOutput : class, new()
    {
        var mlContext = new MLContext();
        return mlContext.Model.CreatePredictionEngine<TInput, TOutput>(mlContext.Model.Load(path, out _));
    }

    private interface IRow
    {
        string Text { get; set; }

        void SetTopic(Ticket ticket);
    }

    private sealed class TopicInput : IRow
    {
        public string Text { get; set; } = "";

        public string Topic { get; set; } = "";

        public void SetTopic(Ticket ticket) => Topic = ticket.Topic;
    }

    private sealed class FloatInput : IRow
    {
        public string Text { get; set; } = "";

        public float Topic { get; set; }

        public void SetTopic(Ticket ticket) => Topic = ticket.Hours;
    }

    private sealed class IntInput : IRow
    {
        public string Text { get; set; } = "";

        public int Topic { get; set; }

        public void SetTopic(Ticket ticket) => Topic = 10 + ticket.Number % 3;
    }

    private sealed class BoolInput : IRow
    {
        public string Text { get; set; } = "";

        public bool Topic { get; set; }

        public void SetTopic(Ticket ticket) => Topic = ticket.IsUrgent;
    }

    /// <summary>As Model Builder writes it: the label column is the key again.</summary>
    private sealed class TopicOutput
    {
        public string Text { get; set; } = "";

        public uint Topic { get; set; }

        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }

    private sealed class Output<TLabel>
    {
        public TLabel PredictedLabel { get; set; } = default!;
    }
}
