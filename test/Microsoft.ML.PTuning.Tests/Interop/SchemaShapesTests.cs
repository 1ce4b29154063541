using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Tests.Interop;

/// <summary>The shape by which ML.NET checks a pipeline must be the shape of what the fitted model gives.</summary>
[TestClass]
public class SchemaShapesTests
{
    private static readonly MLContext Context = new(1);
    private static readonly TinyEncoder Encoder = new();

    [ClassCleanup]
    public static void Delete() => Encoder.Dispose();

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Multiclass_shape_agrees_with_the_real_schema(bool labelsAsText)
    {
        var data = Context.Data.LoadFromEnumerable(Tickets.Rows(12));
        var keyed = Context.Transforms.Conversion.MapValueToKey("Label", "Hours", addKeyValueAnnotationsAsText: labelsAsText).Fit(data).Transform(data);

        AssertAgree(Context.MulticlassClassification.Trainers.PTuningV2(Encoder.Options()), keyed);
    }

    [TestMethod]
    public void Multiclass_shape_of_a_key_without_values_agrees_with_the_real_schema()
    {
        var data = Context.Data.LoadFromEnumerable(Enumerable.Range(0, 12).Select(i => new NumberedTicket { Text = "error crash", Label = (uint)(i % 3 + 1) }));

        AssertAgree(Context.MulticlassClassification.Trainers.PTuningV2(Encoder.Options()), data);
    }

    [TestMethod]
    public void Binary_shape_agrees_with_the_real_schema() =>
        AssertAgree(
            Context.BinaryClassification.Trainers.PTuningV2(With<PTuningV2Trainer.BinaryOptions>("IsUrgent")),
            Context.Data.LoadFromEnumerable(Tickets.Rows(12)));

    [TestMethod]
    public void Regression_shape_agrees_with_the_real_schema() =>
        AssertAgree(
            Context.Regression.Trainers.PTuningV2(With<PTuningV2Trainer.RegressionOptions>("Hours")),
            Context.Data.LoadFromEnumerable(Tickets.Rows(12)));

    [TestMethod]
    public void Tagging_shape_agrees_with_the_real_schema()
    {
        using var tagging = new TinyTagging();

        AssertAgree(tagging.Trainer(), tagging.Keyed(TinyTagging.Sentences(12)));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Multiple_choice_shape_agrees_with_the_real_schema(bool isFixed)
    {
        var data = Context.Data.LoadFromEnumerable(Enumerable.Range(0, 12).Select(i => new ChoiceOfTickets { Label = (uint)(i % 2) }));
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(new PTuningV2Trainer.MultipleChoiceOptions
        {
            ChoicesColumnName = isFixed ? "Choices" : "AnyChoices", Backbone = Encoder.Path, PrefixLength = 3, MaxLength = 12, MaxEpochs = 1,
        });

        AssertAgree(trainer, data);
    }

    [TestMethod]
    public void Column_of_the_data_with_an_added_ones_name_gives_way()
    {
        var data = Context.Data.LoadFromEnumerable(Tickets.Rows(12));
        var scored = Context.Transforms.CopyColumns("Score", "Text").Fit(data).Transform(data);

        AssertAgree(Context.Regression.Trainers.PTuningV2(With<PTuningV2Trainer.RegressionOptions>("Hours")), scored);
    }

    [TestMethod]
    public void Hidden_columns_are_not_part_of_the_shape()
    {
        var data = Context.Data.LoadFromEnumerable(Tickets.Rows(12));
        var hidden = Context.Transforms.CopyColumns("Text", "Topic").Fit(data).Transform(data);

        AssertAgree(Context.Regression.Trainers.PTuningV2(With<PTuningV2Trainer.RegressionOptions>("Hours")), hidden);
    }

    private static TOptions With<TOptions>(string label)
        where TOptions : PTuningV2Trainer.SentenceOptions, new()
    {
        var options = Encoder.Options().As<TOptions>();
        options.LabelColumnName = label;
        return options;
    }

    private static void AssertAgree(PTuningV2Trainer trainer, IDataView data)
    {
        var shape = trainer.GetOutputSchema(SchemaShapes.Of(data.Schema));
        using var model = trainer.Fit(data);
        var real = SchemaShapes.Of(model.GetOutputSchema(data.Schema));

        CollectionAssert.AreEquivalent(real.Select(Describe).ToArray(), shape.Select(Describe).ToArray());
    }

    private static string Describe(SchemaShape.Column column)
    {
        var annotations = (SchemaShape)typeof(SchemaShape.Column).GetField("Annotations", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(column)!;
        return $"{column.Name}: {column.Kind} {(column.IsKey ? "key " : "")}{column.ItemType} [{string.Join(", ", annotations.Select(Describe).Order())}]";
    }

    private sealed class NumberedTicket
    {
        public string Text { get; set; } = "";

        [KeyType(3)]
        public uint Label { get; set; }
    }

    private sealed class ChoiceOfTickets
    {
        public string Sentence1 { get; set; } = "error crash";

        [VectorType(2)]
        public string[] Choices { get; set; } = ["parcel", "refund"];

        public string[] AnyChoices { get; set; } = ["parcel", "refund"];

        [KeyType(2)]
        public uint Label { get; set; }
    }
}
