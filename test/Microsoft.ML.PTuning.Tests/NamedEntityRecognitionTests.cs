using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Persistence;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Tagging as a user meets it: pipelines, data of every form, saved models.</summary>
[TestClass]
public sealed class NamedEntityRecognitionTests
{
    private static TinyTagging s_tagging = null!;
    private static ITransformer s_model = null!;

    private static MLContext Context => s_tagging.Context;

    private static PredictionEngineOptions Shared => new() { OwnsTransformer = false };

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_tagging = new TinyTagging();
        s_model = s_tagging.FitPipeline(TinyTagging.Sentences(80));
    }

    [ClassCleanup]
    public static void Dispose()
    {
        ((IDisposable)s_model).Dispose();
        s_tagging.Dispose();
    }

    [TestMethod]
    public void Pipeline_tags_the_words_of_unseen_sentences()
    {
        TaggedLetters[] unseen = TinyTagging.Sentences(40, seed: 1);

        var tagged = s_tagging.Transform(s_model, unseen);

        var right = tagged.Zip(unseen).SelectMany(row => row.First.PredictedLabel.Zip(row.Second.Tags, (a, b) => a == b ? 1.0 : 0)).Average();
        Assert.IsGreaterThan(0.9, right);
    }

    [TestMethod]
    public void Prediction_engine_agrees_with_Transform()
    {
        var rows = TinyTagging.Sentences(30, seed: 2);
        using var engine = s_tagging.Engine(s_model);

        AssertSame(s_tagging.Transform(s_model, rows), [.. rows.Select(engine.Predict)]);
    }

    [TestMethod]
    public void Entities_are_pieces_of_the_words_joined_by_spaces()
    {
        using var engine = s_tagging.Engine(s_model);
        var sentence = TinyTagging.Sentence([.. "abuabvv"]);

        var spans = engine.Predict(sentence).Entities.Select(EntitySpan.Parse).ToArray();

        var text = string.Join(' ', sentence.Words);
        Assert.IsNotEmpty(spans);
        CollectionAssert.AreEqual(
            engine.Predict(sentence).PredictedLabel.Zip(sentence.Words).Where(w => w.First != "O").Select(w => w.Second).ToArray(),
            spans.Select(s => text[s.Start..s.End]).ToArray());
    }

    [TestMethod]
    public void Sentence_without_words_has_no_tags()
    {
        using var engine = s_tagging.Engine(s_model);

        foreach (var output in new[] { engine.Predict(new TaggedLetters()), s_tagging.Transform(s_model, [new TaggedLetters()])[0] })
            Assert.AreEqual((0, 0, 0), (output.PredictedLabel?.Length ?? 0, output.Score?.Length ?? 0, output.Entities?.Length ?? 0));
    }

    [TestMethod]
    public void Long_sentence_is_tagged_to_its_end()
    {
        var random = new Random(1);
        var sentence = TinyTagging.Sentence([.. Enumerable.Range(0, 3000).Select(_ => (char)('a' + random.Next(25)))]);
        using var engine = s_tagging.Engine(s_model);

        var single = engine.Predict(sentence);
        var among = s_tagging.Transform(s_model, [.. TinyTagging.Sentences(5), sentence, .. TinyTagging.Sentences(5)])[5];

        Assert.HasCount(3000, single.PredictedLabel);
        Assert.IsTrue(single.Score.All(p => p is > 0 and <= 1));
        AssertSame([single], [among]);
    }

    [TestMethod]
    public void Word_that_the_tokenizer_does_not_see_is_outside_with_probability_zero()
    {
        using var engine = s_tagging.Engine(s_model);

        var output = engine.Predict(new TaggedLetters { Words = ["u", "\u0001", "v"] });

        Assert.AreEqual("O", output.PredictedLabel[1]);
        Assert.AreEqual(0, output.Score[1]);
        Assert.IsTrue(output.Score[0] > 0 && output.Score[2] > 0);
    }

    [TestMethod]
    public void Saved_model_gives_the_same_tags_and_figures()
    {
        using var folder = new TemporaryDirectory();
        var rows = TinyTagging.Sentences(30, seed: 3);
        using var trained = s_tagging.Trainer().Fit(s_tagging.Keyed(rows));
        var data = s_tagging.Keyed(rows);

        Context.Model.Save(trained, data.Schema, folder.File("model.zip"));
        var loaded = new MLContext().Model.Load(folder.File("model.zip"), out _);

        AssertSameColumns(trained.Transform(data), loaded.Transform(data));
        var (before, after) = (Figures(trained.Transform(data)), Figures(loaded.Transform(data)));
        Assert.AreEqual(before, after);
        ((IDisposable)loaded).Dispose();

        (double, double?, int, int) Figures(IDataView scored)
        {
            var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(scored);
            return (metrics.MicroF1, metrics.WordAccuracy, metrics.LabelledEntities, metrics.PredictedEntities);
        }
    }

    [TestMethod]
    public void Tag_that_no_training_row_has_is_one_of_the_models_tags()
    {
        var rows = TinyTagging.Sentences(20);
        using var trained = s_tagging.Trainer().Fit(s_tagging.Keyed(rows, "B-LOC", "O", "B-PER"));
        using var loaded = Again(trained);

        foreach (var model in new[] { trained, loaded })
            CollectionAssert.AreEqual(new[] { "O", "B-LOC", "I-LOC", "B-PER", "I-PER" }, Tags(model.GetOutputSchema(s_tagging.Keyed(rows).Schema)));
    }

    [TestMethod]
    public void Thousand_types_are_learned_and_saved()
    {
        TaggedLetters[] rows = [.. Enumerable.Range(0, 100).Select(row => new TaggedLetters
        {
            Words = [.. Enumerable.Range(0, 10).Select(i => ((char)('a' + (row + i) % 25)).ToString())],
            Tags = [.. Enumerable.Range(0, 10).Select(i => $"B-TYPE{10 * row + i}")],
        })];
        var data = s_tagging.Keyed(rows);
        using var trained = s_tagging.Trainer().Fit(data);
        using var loaded = Again(trained);

        Assert.HasCount(2001, Tags(loaded.GetOutputSchema(data.Schema)));
        AssertSameColumns(trained.Transform(data), loaded.Transform(data));
    }

    [TestMethod]
    [DataRow("PER LOC", "?", "PER LOC O", DisplayName = "nothing listed for no entity")]
    [DataRow("PER LOC 0", "0", "PER LOC 0", DisplayName = "0 listed")]
    [DataRow("O PER LOC", "O", "O PER LOC", DisplayName = "O listed")]
    [DataRow("B-PER", "0", "O B-PER I-PER", DisplayName = "prefixes, nothing listed")]
    public void Words_of_no_entity_are_told_from_types_whatever_the_keys_list(string keys, string outside, string tags)
    {
        TaggedLetters[] Rows(int rows, int seed) => [.. TinyTagging.Sentences(rows, seed).Select(row => new TaggedLetters
        {
            Words = row.Words,
            Tags = Array.ConvertAll(row.Tags, tag => tag == "O" ? outside : keys[0] == 'B' ? tag : "PER"),
        })];
        using var trained = s_tagging.Trainer(s_tagging.Options(epochs: 20)).Fit(s_tagging.Keyed(Rows(80, seed: 0), keys.Split(' ')));
        using var loaded = Again(trained);
        var unseen = s_tagging.Keyed(Rows(40, seed: 1), keys.Split(' '));

        foreach (var model in new[] { trained, loaded })
        {
            var scored = model.Transform(unseen);
            var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(scored);
            CollectionAssert.AreEqual(tags.Split(' '), Tags(scored.Schema));
            Assert.IsGreaterThan(0.8, metrics.MicroF1);
            Assert.IsGreaterThan(0.9, metrics.WordAccuracy);
            Assert.AreEqual(metrics.PredictedEntities, scored.GetColumn<string[]>("Entities").Sum(entities => entities.Length));
        }
        AssertSameColumns(trained.Transform(unseen), loaded.Transform(unseen));
        Assert.AreEqual("entity F1", trained.Summary!.Epochs[0].MetricName);
    }

    [TestMethod]
    public void Tags_behind_MapKeyToValue_are_evaluated_beside_the_tags_as_text()
    {
        var scored = s_model.Transform(Context.Data.LoadFromEnumerable(TinyTagging.Sentences(40, seed: 1)));

        var metrics = Context.MulticlassClassification.EvaluateNamedEntityRecognition(scored, nameof(TaggedLetters.Tags));

        Assert.IsGreaterThan(0.8, metrics.MicroF1);
    }

    [TestMethod]
    public void Validation_rows_may_have_other_keys_and_other_types()
    {
        var rows = TinyTagging.Sentences(40);
        TaggedLetters unknown = new() { Words = ["a"], Tags = ["B-NEW"] };
        var validation = s_tagging.Keyed([.. rows, unknown], "B-NEW", "B-PER", "O");

        using var model = s_tagging.Trainer(s_tagging.Options(epochs: 12)).Fit(s_tagging.Keyed(rows, "O", "B-PER"), validation);

        Assert.IsGreaterThan(0.8, model.Summary!.Epochs.Max(e => e.ValidationMetric!.Value));
        Assert.AreEqual("entity F1", model.Summary.Epochs[0].MetricName);
    }

    [TestMethod]
    public void Spans_of_texts_are_learned_and_contradictions_counted()
    {
        SpanText[] rows =
        [
            .. TinyTagging.Sentences(60).Select(SpanText.Of),
            new() { Words = "a u", Label = ["PER 0 3", "PER 2 3"] },
            new() { Words = "a u", Label = ["PER 2 9"] },
        ];
        using var model = s_tagging.Trainer(s_tagging.Options(epochs: 20)).Fit(Context.Data.LoadFromEnumerable(rows));
        using var engine = Context.Model.CreatePredictionEngine<SpanText, SpanOutput>(model, Shared);

        CollectionAssert.AreEqual(new[] { "PER 5 6" }, engine.Predict(new SpanText { Words = " a, (u)" }).Entities);
        Assert.AreEqual((60, 2), (model.Summary!.RowsUsed, model.Summary.RowsMisaligned));
    }

    [TestMethod]
    public void Roles_depend_on_the_predicate()
    {
        TaggedLetters first = new() { Words = ["a", "b", "v", "w"], Tags = ["B-A0", "O", "B-V", "O"], Predicate = 2 };
        TaggedLetters second = new() { Words = ["a", "b", "v", "w"], Tags = ["O", "B-A0", "O", "B-V"], Predicate = 3 };
        var options = s_tagging.Options(epochs: 60);
        options.PredicateColumnName = nameof(TaggedLetters.Predicate);

        using var model = s_tagging.Trainer(options).Fit(s_tagging.Keyed([first, second]));
        using var engine = Context.Model.CreatePredictionEngine<TaggedLetters, KeyedOutput>(model, Shared);

        var tags = Tags(engine.OutputSchema);
        foreach (var row in new[] { first, second })
            CollectionAssert.AreEqual(row.Tags, engine.Predict(row).PredictedLabel.Select(key => tags[key - 1]).ToArray());
    }

    [TestMethod]
    public void Predicate_that_is_no_word_is_refused_in_training_and_in_prediction()
    {
        var rows = TinyTagging.Sentences(10);
        var options = s_tagging.Options();
        options.PredicateColumnName = nameof(TaggedLetters.Predicate);
        using var model = s_tagging.Trainer(options).Fit(s_tagging.Keyed(rows));
        using var engine = Context.Model.CreatePredictionEngine<TaggedLetters, KeyedOutput>(model, Shared);
        rows[4] = new TaggedLetters { Words = ["a", "u"], Tags = ["O", "B-PER"], Predicate = 2 };

        var inTraining = Assert.ThrowsExactly<InvalidOperationException>(() => s_tagging.Trainer(options).Fit(s_tagging.Keyed(rows)));
        var inPrediction = Assert.ThrowsExactly<InvalidOperationException>(() => engine.Predict(rows[4]));

        Assert.Contains("Column 'Predicate' of row 4 is 2, but the sentence has 2 words. Give the predicate's index, from 0.", inTraining.Message);
        Assert.Contains("is 2, but the sentence has 2 words.", inPrediction.Message);
    }

    [TestMethod]
    public void Named_arguments_name_the_columns()
    {
        var data = s_tagging.Keyed(TinyTagging.Sentences(1));

        var shape = Context.MulticlassClassification.Trainers
            .PTuningV2NamedEntityRecognition("Label", "Words", predictedLabelColumnName: "P", scoreColumnName: "S", entitiesColumnName: "E")
            .GetOutputSchema(SchemaShapes.Of(data.Schema));

        CollectionAssert.IsSubsetOf(new[] { "P", "S", "E" }, shape.Select(c => c.Name).ToArray());
    }

    [TestMethod]
    [DataRow("Tags", "The label column 'Tags' is a vector of text beside sentences that are split into words.", DisplayName = "texts beside words")]
    [DataRow("Predicate", "The label column 'Predicate' is", DisplayName = "a number")]
    [DataRow("Nothing", "The label column 'Nothing' is missing", DisplayName = "no column")]
    public void Label_of_another_form_is_refused_by_its_name(string column, string message)
    {
        var options = s_tagging.Options();
        options.LabelColumnName = column;
        var data = s_tagging.Keyed(TinyTagging.Sentences(5));

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => s_tagging.Trainer(options).Fit(data));

        Assert.AreEqual(column, refusal.ParamName);
        Assert.Contains(message, refusal.Message);
    }

    [TestMethod]
    [DataRow("words", "null", "The task's words are missing")]
    [DataRow("words", "\"byEar\"", "words")]
    [DataRow("labels", "null", "its labels 0")]
    [DataRow("labels.values", "[\"O\", \"B-PER\", \"B-PER\"]", "One of the task's tags is empty, or there twice.")]
    [DataRow("labels.values", "[\"O\", \"B-PER\", null]", "A label value is null.")]
    [DataRow("labels.values", "[\"O\", \"B-PER\"]", "names 2 label values for 3 classes")]
    [DataRow("labels.itemType", "\"Boolean\"", "The label value 'O' is no Boolean")]
    [DataRow("entitiesColumnName", "\"\"", "One of the task's columns has no name.")]
    [DataRow("sentence1ColumnName", "null", "One of the task's columns has no name.")]
    [DataRow("maxLength", "0", "maxLength is 0; expected 1 or more")]
    public void Damaged_task_is_refused_with_what_is_wrong(string path, string value, string reason)
    {
        using var trained = s_tagging.Trainer().Fit(s_tagging.Keyed(TinyTagging.Sentences(10)));
        var zip = ZipBytes.ChangeJson(Saved(trained), "Prompt.json", document =>
        {
            var names = path.Split('.');
            names[..^1].Aggregate(document["task"]!, (node, name) => node[name]!)[names[^1]] = JsonNode.Parse(value);
        });

        var refusal = Assert.ThrowsExactly<FormatException>(() => PTuningV2Transformer.LoadFrom(Context, new MemoryStream(zip)));

        Assert.Contains(reason, refusal.Message);
    }

    private static string[] Tags(DataViewSchema schema)
    {
        VBuffer<ReadOnlyMemory<char>> tags = default;
        schema["PredictedLabel"].GetKeyValues(ref tags);
        return [.. tags.DenseValues().Select(tag => tag.ToString())];
    }

    private static byte[] Saved(PTuningV2Transformer model)
    {
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        return stream.ToArray();
    }

    private static PTuningV2Transformer Again(PTuningV2Transformer model) => PTuningV2Transformer.LoadFrom(Context, new MemoryStream(Saved(model)));

    private static void AssertSameColumns(IDataView expected, IDataView actual)
    {
        CollectionAssert.AreEqual(Items<uint>(expected, "PredictedLabel"), Items<uint>(actual, "PredictedLabel"));
        CollectionAssert.AreEqual(Items<float>(expected, "Score"), Items<float>(actual, "Score"));
        CollectionAssert.AreEqual(Items<string>(expected, "Entities"), Items<string>(actual, "Entities"));

        static T[] Items<T>(IDataView data, string column) => [.. data.GetColumn<T[]>(column).SelectMany(items => items)];
    }

    /// <summary>Probabilities may differ in their last digits with the batch.</summary>
    private static void AssertSame(IReadOnlyList<LetterTags> expected, IReadOnlyList<LetterTags> actual)
    {
        Assert.HasCount(expected.Count, actual);
        foreach (var (one, other) in expected.Zip(actual))
        {
            CollectionAssert.AreEqual(one.PredictedLabel, other.PredictedLabel);
            CollectionAssert.AreEqual(one.Entities, other.Entities);
            Assert.HasCount(one.Score.Length, other.Score);
            foreach (var (score, again) in one.Score.Zip(other.Score))
                Assert.AreEqual(score, again, 1e-5f);
        }
    }

    private sealed class KeyedOutput
    {
        public uint[] PredictedLabel { get; set; } = [];
    }

    private sealed class SpanText
    {
        public string Words { get; set; } = "";

        public string[] Label { get; set; } = [];

        public static SpanText Of(TaggedLetters row) => new()
        {
            Words = string.Join(' ', row.Words),
            Label = [.. row.Tags.Select((tag, i) => (tag, i)).Where(word => word.tag != "O").Select(word => $"PER {2 * word.i} {2 * word.i + 1}")],
        };
    }

    private sealed class SpanOutput
    {
        public string[] Entities { get; set; } = [];
    }
}
