using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class PTuningEvaluationTests
{
    private static readonly MLContext Context = new(1);

    [TestMethod]
    public void Entities_of_tags_are_compared_across_key_values_and_schemes()
    {
        var data = Keyed(["O", "I-PER", "B-PER"], ["B-LOC", "B-PER", "I-PER", "O"],
            new TagRow([2, 2, 3, 1], [2, 3, 2, 4]), // I I B O and B I B O
            new TagRow([1, 2], [1, 2])); // O I and B-LOC B-PER

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data);

        Assert.AreEqual((3, 4, 3), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
        Assert.AreEqual(5.0 / 6, metrics.WordAccuracy);
    }

    [TestMethod]
    public void Missing_keys_are_outside_of_entities()
    {
        var data = Keyed(["O", "B-PER", "I-PER"], ["B-PER", "I-PER", "O"], new TagRow([2, 0, 3], [1, 0, 1]));

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data);

        Assert.AreEqual(1, metrics.MicroF1);
    }

    [TestMethod]
    public void Rows_without_words_are_fine()
    {
        var data = Keyed(["O", "B-PER"], ["O", "B-PER"], new TagRow([], []), new TagRow([2], [2]));

        Assert.AreEqual(1, Context.MulticlassClassification.EvaluateNamedEntityRecognition(data).CorrectEntities);
    }

    [TestMethod]
    [DataRow(EntityReading.Lenient, 1)]
    [DataRow(EntityReading.Strict, 0)]
    public void Reading_is_of_predictions_only(EntityReading reading, int expected)
    {
        var data = Keyed(["O", "I-PER"], ["O", "I-PER"], new TagRow([2, 2], [2, 2]));

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, reading: reading);

        Assert.AreEqual((1, expected), (metrics.LabelledEntities, metrics.PredictedEntities));
    }

    [TestMethod]
    public void Entities_of_spans_are_compared_as_sets()
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>(
        [
            new() { Label = ["PER 0 5", "work of art 9 20"], Answer = ["work of art 9 20", "", "PER 0 4"] },
            new() { Label = [], Answer = [] },
        ]);

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, "Label", "Answer");

        Assert.AreEqual((2, 2, 1), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
        Assert.AreEqual(double.NaN, metrics.WordAccuracy);
    }

    [TestMethod]
    public void Rows_of_different_length_are_named()
    {
        var data = Keyed(["O"], ["O"], new TagRow([1], [1]), new TagRow([1, 1], [1]));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data));

        Assert.Contains("Row 1 (the first is 0) has 2 tags in column 'Label' and 1 in column 'PredictedLabel'", error.Message);
    }

    [TestMethod]
    public void A_text_that_is_no_span_is_named()
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>([new() { Label = ["PER 0 5"], Answer = ["B-PER"] }]);

        var error = Assert.ThrowsExactly<InvalidOperationException>(
            () => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, "Label", "Answer"));

        Assert.Contains("Row 0 (the first is 0) of column 'Answer'", error.Message);
        Assert.Contains("found 'B-PER'", error.Message);
    }

    [TestMethod]
    public void Types_beside_prefixes_are_refused()
    {
        var data = Keyed(["O", "B-PER", "PER"], ["O"], new TagRow([1], [1]));

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data));

        Assert.Contains("Column 'Label' has the tag 'PER' beside the tag 'B-PER'", error.Message);
    }

    [TestMethod]
    [DataRow("PERSON CITY", "PERSON CITY O", DisplayName = "missing keys in the labels, O in the predictions")]
    [DataRow("PERSON CITY", "PERSON CITY", DisplayName = "missing keys in both, as ML.NET's own trainer has them")]
    [DataRow("PERSON CITY 0", "PERSON CITY 0", DisplayName = "0")]
    public void Types_without_prefixes_are_entities(string labels, string predictions)
    {
        var (none, noneFound) = (labels.Split(' ').Length == 3 ? 3u : 0u, predictions.Split(' ').Length == 3 ? 3u : 0u);
        var data = Keyed(labels.Split(' '), predictions.Split(' '),
            new TagRow([1, 1, none, 2], [1, 1, noneFound, 2]), // PERSON PERSON _ CITY
            new TagRow([none, 2, none, none], [noneFound, noneFound, 1, noneFound]));

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data);

        Assert.AreEqual((3, 3, 2), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
        Assert.AreEqual(6.0 / 8, metrics.WordAccuracy);
    }

    [TestMethod]
    public void Tags_of_every_word_are_refused()
    {
        var data = Keyed(["NN", "VB"], ["NN", "VB"], new TagRow([1, 2], [1, 1]));

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data));

        Assert.Contains("have a tag such as 'NN' for every word, so the tags name no entities", error.Message);
    }

    [TestMethod]
    [DataRow("O")]
    [DataRow("")]
    public void Tags_may_be_texts(string outside)
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>(
        [
            new() { Label = [outside, outside], Answer = [outside, outside] }, // Texts that are all empty tell nothing yet.
            new() { Label = ["B-PER", "I-PER", outside], Answer = ["B-PER", "I-PER", outside] },
            new() { Label = [outside, "B-LOC"], Answer = ["B-LOC", outside] },
        ]);

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, "Label", "Answer");

        Assert.AreEqual((2, 2, 1), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
        Assert.AreEqual(5.0 / 7, metrics.WordAccuracy);
    }

    [TestMethod]
    public void Keys_may_be_compared_with_texts()
    {
        var texts = Context.Data.LoadFromEnumerable<TextRow>([new() { Label = ["PERSON", "O", "PERSON"], Answer = ["PERSON", "", "O"] }]);
        var data = Context.Transforms.Conversion.MapValueToKey("Label").Fit(texts).Transform(texts);

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, "Label", "Answer");

        Assert.AreEqual((2, 1, 1), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
    }

    [TestMethod]
    public void Span_among_tags_is_named()
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>([new() { Label = ["B-PER"], Answer = ["PER 0 5"] }]);

        var error = Assert.ThrowsExactly<InvalidOperationException>(
            () => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, "Label", "Answer"));

        Assert.Contains("Row 0 (the first is 0) of column 'Answer' has the entity 'PER 0 5', where a tag was expected", error.Message);
    }

    [TestMethod]
    [DataRow(DataKind.Byte, typeof(byte))]
    [DataRow(DataKind.UInt16, typeof(ushort))]
    [DataRow(DataKind.UInt64, typeof(ulong))]
    public void Keys_of_any_width_are_tags(DataKind kind, Type width)
    {
        var keyed = Keyed(["O", "B-PER"], ["O", "B-PER"], new TagRow([1, 2], [2, 2]));
        var data = Context.Transforms.Conversion.ConvertType([new("Label"), new("PredictedLabel")], kind).Fit(keyed).Transform(keyed);
        Assert.AreEqual(width, ((VectorDataViewType)data.Schema["Label"].Type).ItemType.RawType);

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(data);

        Assert.AreEqual((1, 2, 1), (metrics.LabelledEntities, metrics.PredictedEntities, metrics.CorrectEntities));
    }

    [TestMethod]
    public void Strict_reading_refuses_predictions_of_another_scheme()
    {
        var data = Keyed(["O", "S-PER"], ["O", "S-PER"], new TagRow([1], [1]));

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, reading: EntityReading.Strict));

        Assert.Contains("'S-PER'", error.Message);
    }

    [TestMethod]
    [DataRow("Nothing", "Answer", "The label column 'Nothing' is missing; expected a vector of tags")]
    [DataRow("Label", "Nothing", "The predicted label column 'Nothing' is missing; expected a vector of tags")]
    [DataRow("Number", "Answer", "The label column 'Number' is Single; expected a vector of tags")]
    [DataRow("Label", "Number", "The predicted label column 'Number' is Single; expected a vector of tags")]
    public void Columns_of_entities_must_fit(string label, string predicted, string message) => Refused(
        message, data => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data, label, predicted));

    [TestMethod]
    public void Keys_without_values_are_refused()
    {
        var data = Context.Data.LoadFromEnumerable<TagRow>([new([1], [1])]);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateNamedEntityRecognition(data));

        Assert.Contains("The keys of column 'Label' have no text values", error.Message);
    }

    [TestMethod]
    public void Answers_are_measured_together_and_apart()
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>(
        [
            new() { Label = ["Denver", "the Denver Broncos"], Answer = ["Denver Broncos", "Denver"] }, // 1, 1
            new() { Label = ["Denver"], Answer = ["Denver Broncos"] }, // 0, 2/3
            new() { Label = ["cat"], Answer = [] }, // 0, 0
            new() { Label = [], Answer = [""] }, // 1, 1
            new() { Label = ["", ""], Answer = ["cat"] }, // 0, 0
        ]);

        var metrics = Context.MulticlassClassification.EvaluateQuestionAnswer(data, "Label");

        Assert.AreEqual(2.0 / 5, metrics.ExactMatch, 1e-15);
        Assert.AreEqual((1 + 2.0 / 3 + 1) / 5, metrics.F1, 1e-15);
        Assert.AreEqual(5, metrics.Count);
        Assert.AreEqual(1.0 / 3, metrics.Answerable!.ExactMatch, 1e-15);
        Assert.AreEqual((1 + 2.0 / 3) / 3, metrics.Answerable.F1, 1e-15);
        Assert.AreEqual((0.5, 0.5, 2), (metrics.Unanswerable!.ExactMatch, metrics.Unanswerable.F1, metrics.Unanswerable.Count));
    }

    [TestMethod]
    public void Answers_may_be_single_texts()
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>([new() { Text = "The cat.", OtherText = "cat" }]);

        var metrics = Context.MulticlassClassification.EvaluateQuestionAnswer(data, "Text", "OtherText");

        Assert.AreEqual((1, 1, 1), (metrics.Answerable!.ExactMatch, metrics.Answerable.F1, metrics.Answerable.Count));
        Assert.IsNull(metrics.Unanswerable);
    }

    [TestMethod]
    public void An_empty_text_is_no_answer()
    {
        var data = Context.Data.LoadFromEnumerable<TextRow>([new() { Text = "", OtherText = "cat" }]);

        var metrics = Context.MulticlassClassification.EvaluateQuestionAnswer(data, "Text", "OtherText");

        Assert.AreEqual((0, 0, 1), (metrics.Unanswerable!.ExactMatch, metrics.Unanswerable.F1, metrics.Unanswerable.Count));
        Assert.IsNull(metrics.Answerable);
    }

    [TestMethod]
    [DataRow("Nothing", "Answer", "The label column 'Nothing' is missing; expected text or a vector of text")]
    [DataRow("Label", "Number", "The predicted answer column 'Number' is Single; expected text or a vector of text")]
    public void Columns_of_answers_must_fit(string label, string predicted, string message) => Refused(
        message, data => Context.MulticlassClassification.EvaluateQuestionAnswer(data, label, predicted));

    [TestMethod]
    public void No_question_is_refused() => Assert.ThrowsExactly<InvalidOperationException>(
        () => Context.MulticlassClassification.EvaluateQuestionAnswer(Context.Data.LoadFromEnumerable<TextRow>([]), "Label"));

    [TestMethod]
    public void Similarity_skips_and_counts_rows_without_label()
    {
        var data = Scored((1, 2), (float.NaN, 100), (2, 4), (3, 3), (4, 7), (float.NaN, float.NaN));

        var metrics = Context.Regression.EvaluateSimilarity(data);

        Assert.AreEqual(7 / Math.Sqrt(5 * 14), metrics.Pearson, 1e-15); // Deviations (-1.5, -0.5, 0.5, 1.5) and (-2, 0, -1, 3).
        Assert.AreEqual(1 - 6.0 * 2 / (4 * 15), metrics.Spearman, 1e-15); // Ranks 1 2 3 4 and 1 3 2 4.
        Assert.AreEqual((4, 2), (metrics.Count, metrics.SkippedRows));
    }

    [TestMethod]
    public void Similarity_to_a_constant_is_not_a_number()
    {
        var metrics = Context.Regression.EvaluateSimilarity(Scored((1, 0.1f), (2, 0.1f), (3, 0.1f)));

        Assert.AreEqual((double.NaN, double.NaN), (metrics.Pearson, metrics.Spearman));
    }

    [TestMethod]
    public void Similarity_needs_two_labels()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Context.Regression.EvaluateSimilarity(Scored((1, 2), (float.NaN, 3))));

        Assert.Contains("1 rows have a label in column 'Label' and 1 have none", error.Message);
    }

    [TestMethod]
    [DataRow(1f, float.NaN, "Row 1 (the first is 0) of column 'Score' is NaN")]
    [DataRow(float.PositiveInfinity, 1f, "Row 1 (the first is 0) of column 'Label' is Infinity")]
    public void Similarity_refuses_numbers_that_are_not_finite(float label, float score, string message)
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Context.Regression.EvaluateSimilarity(Scored((0, 0), (label, score))));

        Assert.Contains(message, error.Message);
    }

    [TestMethod]
    [DataRow(
        "Nothing", "Number", "The label column 'Nothing' is missing; expected a scalar Single. The data has: Label, Answer, Text, OtherText, Number")]
    [DataRow("Number", "Text", "The score column 'Text' is String; expected a scalar Single")]
    public void Columns_of_similarity_must_fit(string label, string score, string message) => Refused(
        message, data => Context.Regression.EvaluateSimilarity(data, label, score));

    [TestMethod]
    public void Columns_that_are_not_measured_are_not_computed()
    {
        var computed = 0;
        var data = Context.Transforms.CustomMapping<ScoreRow, CostlyRow>((_, row) => row.Costly = ++computed, contractName: null)
            .Fit(Scored((1, 2), (3, 4))).Transform(Scored((1, 2), (3, 4)));

        Context.Regression.EvaluateSimilarity(data);

        Assert.AreEqual(0, computed);
    }

    private static void Refused(string message, Action<IDataView> evaluate)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => evaluate(Context.Data.LoadFromEnumerable<TextRow>([new()])));

        Assert.Contains(message, error.Message);
    }

    private static IDataView Scored(params (float Label, float Score)[] rows) =>
        Context.Data.LoadFromEnumerable(rows.Select(row => new ScoreRow { Label = row.Label, Score = row.Score }));

    // Rows of keys whose values are the tags in the order given.
    private static IDataView Keyed(string[] labels, string[] predictions, params TagRow[] rows)
    {
        var schema = SchemaDefinition.Create(typeof(TagRow));
        Describe(nameof(TagRow.Label), labels);
        Describe(nameof(TagRow.PredictedLabel), predictions);
        return Context.Data.LoadFromEnumerable(rows, schema);

        void Describe(string column, string[] tags)
        {
            schema[column].ColumnType = new VectorDataViewType(new KeyDataViewType(typeof(uint), tags.Length));
            var values = new VBuffer<ReadOnlyMemory<char>>(tags.Length, [.. tags.Select(tag => tag.AsMemory())]);
            schema[column].AddAnnotation("KeyValues", values, new VectorDataViewType(TextDataViewType.Instance, tags.Length));
        }
    }

    private sealed class TagRow
    {
        public TagRow()
            : this([], [])
        {
        }

        public TagRow(uint[] label, uint[] predictedLabel) => (Label, PredictedLabel) = (label, predictedLabel);

        [KeyType(9)]
        public uint[] Label { get; set; }

        [KeyType(9)]
        public uint[] PredictedLabel { get; set; }
    }

    private sealed class TextRow
    {
        public string[] Label { get; set; } = [];

        public string[] Answer { get; set; } = [];

        public string Text { get; set; } = "";

        public string OtherText { get; set; } = "";

        public float Number { get; set; }
    }

    private sealed class CostlyRow
    {
        public float Costly { get; set; }
    }

    private sealed class ScoreRow
    {
        public float Label { get; set; }

        public float Score { get; set; }
    }
}
