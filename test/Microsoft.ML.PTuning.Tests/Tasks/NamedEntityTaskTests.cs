using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Encoding, loss, decoding and metric of tagging, against their formulas.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class NamedEntityTaskTests
{
    private const int Cls = 2, Sep = 3, A = 5, B = 6, C = 7;

    private static readonly NamedEntityRecognition Entities = Any.Tagging("O", "B-PER", "I-PER", "B-LOC", "I-LOC");
    private static readonly TokenizerFolder Folder = TokenizerFolder.WordPiece("{}", "a", "b", "c", "##c");

    [ClassCleanup]
    public static void Delete() => Folder.Dispose();

    [TestMethod]
    public void Words_are_tagged_at_their_first_tokens()
    {
        var sentence = Encode(Entities, ["ac", "b"]);

        CollectionAssert.AreEqual(new[] { Cls, A, C + 1, B, Sep }, sentence.Parts[0].Sequences[0].Ids);
        CollectionAssert.AreEqual(new[] { (0, 1), (1, 3) }, sentence.TaggedTokens[0].ToArray());
    }

    [TestMethod]
    public void Predicate_stands_behind_the_sentence_in_the_same_segment()
    {
        var roles = Any.Tagging("O", "B-V") with { PredicateColumnName = "Predicate" };

        var sentence = Encode(roles, ["a", "b", "c"], predicate: 1);

        CollectionAssert.AreEqual(new[] { Cls, A, B, C, Sep, B, Sep }, sentence.Parts[0].Sequences[0].Ids);
        CollectionAssert.AreEqual(new int[7], sentence.Parts[0].Sequences[0].Segments);
        CollectionAssert.AreEqual(new[] { (0, 1), (1, 2), (2, 3) }, sentence.TaggedTokens[0].ToArray());
    }

    [TestMethod]
    public void Predicate_stands_behind_every_window()
    {
        var roles = Any.Tagging("O", "B-V") with { PredicateColumnName = "Predicate" };

        var sentence = Encode(roles, [.. Enumerable.Repeat("a", 40), "b"], predicate: 40);

        Assert.IsGreaterThan(4, sentence.Parts.Count);
        Assert.IsTrue(sentence.Parts.All(p => p.Sequences[0].Ids[^3..].SequenceEqual([Sep, B, Sep]) && p.Length <= 12));
    }

    [TestMethod]
    [DataRow(-1)]
    [DataRow(2)]
    public void Predicate_that_is_no_word_is_refused(int predicate)
    {
        var roles = Any.Tagging("O", "B-V") with { PredicateColumnName = "Predicate" };

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Encode(roles, ["a", "b"], predicate));

        Assert.Contains($"Column 'Predicate' of row 0 is {predicate}, but the sentence has 2 words.", refusal.Message);
    }

    [TestMethod]
    public void Long_predicate_leaves_the_sentence_as_much_room()
    {
        var roles = Any.Tagging("O", "B-V") with { PredicateColumnName = "Predicate" };

        var sentence = Encode(roles, ["a" + new string('c', 50)], predicate: 0);

        CollectionAssert.AreEqual(new[] { Cls, A, C + 1, C + 1, C + 1, C + 1, Sep, A, C + 1, C + 1, C + 1, Sep }, sentence.Parts[0].Sequences[0].Ids);
    }

    [TestMethod]
    public void Every_word_of_a_long_sentence_is_tagged_once_at_its_token()
    {
        string[] words = [.. Enumerable.Range(0, 100).Select(i => i % 7 == 0 ? "b" : i % 5 == 0 ? "accccc" : "a")];

        var sentence = Encode(Entities, words);

        var tagged = sentence.Parts.Zip(sentence.TaggedTokens)
            .SelectMany(part => part.Second.Select(t => (t.Word, Id: part.First.Sequences[0].Ids[t.Token]))).ToArray();
        CollectionAssert.AreEqual(words.Select((word, i) => (i, word[0] == 'b' ? B : A)).ToArray(), tagged);
        Assert.IsTrue(sentence.Parts.All(p => p.Length <= Entities.MaxLength));
    }

    [TestMethod]
    public void Windows_split_into_sentences_of_their_own_words()
    {
        string[] tags = [.. Enumerable.Range(0, 30).Select(i => $"T{i}")];
        var task = Any.Tagging(tags);
        var whole = new TaggedSentence(
            Encode(task, [.. Enumerable.Repeat("a", 30)]).Parts, [.. Enumerable.Range(0, 30).Select(i => new Word(2 * i, 2 * i + 1))], tags,
            Encode(task, [.. Enumerable.Repeat("a", 30)]).TaggedTokens);

        TaggedSentence[] split = [.. whole.Split().Cast<TaggedSentence>()];

        Assert.HasCount(whole.Parts.Count, split);
        CollectionAssert.AreEqual(tags, split.SelectMany(s => s.Tags!).ToArray());
        CollectionAssert.AreEqual(whole.Words.ToArray(), split.SelectMany(s => s.Words).ToArray());
        foreach (var (sentence, tokens) in split.Zip(whole.TaggedTokens))
            CollectionAssert.AreEqual(tokens.Select((t, i) => (i, t.Token)).ToArray(), sentence.TaggedTokens[0].ToArray());
    }

    [TestMethod]
    public void Loss_is_the_sum_of_the_tagged_words_cross_entropies()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new float[,,] { { { 9, 9, 0 }, { 1, 3, 2 }, { 9, 0, 9 } }, { { 0, 0, 0 }, { 5, 5, 5 }, { 0, 9, 0 } } });
        ExamplePart[] parts = [new([new([0, 0, 0], [0, 0, 0])], [-1, 1, -1]), new([new([0, 0], [0, 0])], [2, 0])]; // The second is padded.

        Assert.AreEqual(-Math.Log(0.665241) + 2 * Math.Log(3), Any.Tagging(3).Loss(logits, parts).item<float>(), 1e-5);
        Assert.AreEqual(3, Any.Tagging(3).LossWeight(parts));
    }

    [TestMethod]
    public void Loss_of_no_tagged_word_is_zero()
    {
        using var scope = NewDisposeScope();

        Assert.AreEqual(0, Any.Tagging(3).Loss(zeros(1, 2, 3), [new([new([0, 0], [0, 0])], [-1, -1])]).item<float>());
    }

    [TestMethod]
    public void Words_decode_to_the_likeliest_tag_and_its_probability()
    {
        var task = Any.Tagging("O", "B-PER", "I-PER");

        var prediction = Decode(task, Encode(task, ["a", "b"]), [0, 0, 9, 0, 2, 0, 1, 0, 0, 0, 0, 9]);

        CollectionAssert.AreEqual(new[] { 1, 0 }, prediction.Tags);
        Assert.AreEqual(Math.Exp(2) / (Math.Exp(2) + 2), prediction.Probabilities[0], 1e-6);
        Assert.AreEqual(Math.E / (Math.E + 2), prediction.Probabilities[1], 1e-6);
        Assert.AreEqual(new EntitySpan("PER", 0, 1), Assert.ContainsSingle(prediction.Entities));
    }

    [TestMethod]
    public void Word_without_tokens_is_outside_with_probability_zero()
    {
        var task = Any.Tagging("B-PER", "I-PER", "O");

        var prediction = Decode(task, Encode(task, ["a", "\u0001"]), [0, 0, 0, 3, 0, 0, 0, 0, 0]);

        CollectionAssert.AreEqual(new[] { 0, 2 }, prediction.Tags);
        Assert.AreEqual(0, prediction.Probabilities[1]);
    }

    [TestMethod]
    public void Entities_have_the_characters_from_their_first_word_to_their_last()
    {
        var task = Any.Tagging("O", "B-PER", "I-PER") with { Words = WordSource.WhiteSpace };
        var sentence = Encode(task, "  a ac\tb ");

        var prediction = Decode(task, sentence, [0, 0, 0, 0, 9, 0, 0, 0, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0]); // [CLS] a a ##c b [SEP]

        Assert.AreEqual(new EntitySpan("PER", 2, 6), Assert.ContainsSingle(prediction.Entities));
    }

    [TestMethod]
    public void Metric_of_entities_is_their_F1()
    {
        TagPrediction predicted = new([1, 2, 0, 0], [1, 1, 1, 1], []);

        Assert.AreEqual("entity F1", Entities.MetricName);
        Assert.AreEqual(2.0 / 3, Entities.Measure([predicted], [Tagged("B-PER", "I-PER", "O", "B-LOC")]), 1e-12); // One of two, none wrong.
    }

    [TestMethod]
    public void Metric_of_other_tags_is_the_share_of_right_words()
    {
        var task = Any.Tagging("N", "V");

        Assert.AreEqual("accuracy", task.MetricName);
        Assert.AreEqual(3 / 5.0, task.Measure(
            [new TagPrediction([0, 1, 1, 0], [], []), new TagPrediction([1], [], [])], [Tagged("N", "V", "N", "X"), Tagged("V")]));
    }

    [TestMethod]
    public void Words_without_a_tag_are_not_measured()
    {
        var task = Any.Tagging("N", "V");

        Assert.AreEqual(0.5, task.Measure([new TagPrediction([0, 1, 1], [], [])], [Tagged("N", "O", "N")]));
    }

    [TestMethod]
    public void Rows_that_contradict_their_labels_are_not_measured() =>
        Assert.AreEqual(0, Entities.Measure([new TagPrediction([1], [], [])], [Contradiction()]));

    [TestMethod]
    public void One_tag_for_every_word_is_a_collapse_that_names_it()
    {
        var collapse = Entities.FindCollapse([new TagPrediction([0, 0], [], [])], [Tagged("O", "B-PER")]);

        Assert.AreEqual(
            "The model tags every word O: training has collapsed onto one tag. "
            + "Train longer, or change the learning rate (try a fifth of it; a short prefix often needs more).", collapse);
        Assert.IsNull(Entities.FindCollapse([new TagPrediction([0, 1], [], [])], [Tagged("O", "B-PER")]));
        Assert.IsNull(Entities.FindCollapse([new TagPrediction([0, 0], [], [])], [Tagged("O", "O")]));
    }

    [TestMethod]
    public void Training_rows_of_one_tag_are_refused() =>
        Assert.Contains(
            "All words of the 2 training rows have the same tag in label column 'Label'.", RefusalOf(Entities, Tagged("O", "O"), Tagged("O")));

    [TestMethod]
    public void Training_rows_of_one_tag_and_missing_ones_are_refused() =>
        Assert.Contains("All words of the 1 training rows have the same tag", RefusalOf(Any.Tagging("N", "V"), Tagged("N", "O")));

    [TestMethod]
    public void Training_rows_that_all_contradict_their_labels_are_refused() =>
        Assert.Contains("The labels of all 2 training rows contradict their texts", RefusalOf(Entities, Contradiction(), Contradiction()));

    [TestMethod]
    [DataRow(null, 2, "MaxLength is 2, but a sentence takes at least 3 tokens. Use more.")]
    [DataRow(null, 3, null)]
    [DataRow("Predicate", 4, "MaxLength is 4, but a sentence takes at least 5 tokens. Use more.")]
    [DataRow("Predicate", 5, null)]
    public void Room_for_less_than_a_word_is_a_misfit(string? predicate, int maxLength, string? misfit) =>
        Assert.AreEqual(misfit, (Entities with { PredicateColumnName = predicate, MaxLength = maxLength }).FindMisfit(Folder.Load()));

    [TestMethod]
    [DataRow(null)]
    [DataRow("Predicate")]
    public void Least_room_has_a_word_a_window(string? predicate)
    {
        var task = Any.Tagging("O", "B-V") with { PredicateColumnName = predicate, MaxLength = predicate is null ? 3 : 5 };

        var sentence = Encode(task, ["ac", "b", "ac"], predicate: 0);

        CollectionAssert.AreEqual(new[] { A, B, A }, sentence.Parts.Select(p => p.Sequences[0].Ids[1]).ToArray());
    }

    private static string RefusalOf(NamedEntityRecognition task, params TaggedSentence[] rows) =>
        Assert.ThrowsExactly<InvalidOperationException>(() => task.ForTargets(new ExampleSet(rows, Skipped: 0))).Message;

    private static TaggedSentence Tagged(params string[] tags) =>
        new([Any.Part(0)], [.. tags.Select((_, i) => new Word(2 * i, 2 * i + 1))], tags, []);

    private static TaggedSentence Contradiction() => new([Any.Part(0)], [new Word(0, 1)], Tags: null, []) { HasContradiction = true };

    private static TagPrediction Decode(NamedEntityRecognition task, TaggedSentence sentence, float[] outputs) =>
        (TagPrediction)task.Decode(sentence, [outputs]);

    private static TaggedSentence Encode(NamedEntityRecognition task, string[] words, int predicate = -1) =>
        Encode(task, new MLContext().Data.LoadFromEnumerable([new Words { Sentence1 = words, Predicate = predicate }]));

    private static TaggedSentence Encode(NamedEntityRecognition task, string text) =>
        Encode(task, new MLContext().Data.LoadFromEnumerable([new Text { Sentence1 = text }]));

    private static TaggedSentence Encode(NamedEntityRecognition task, IDataView data)
    {
        using var cursor = data.GetRowCursor(data.Schema);
        var read = task.OpenRow(cursor, withTarget: false);
        Assert.IsTrue(cursor.MoveNext());
        return (TaggedSentence)read()!(Folder.Load());
    }

    private sealed class Words
    {
        public string[] Sentence1 { get; set; } = [];

        public int Predicate { get; set; }
    }

    private sealed class Text
    {
        public string Sentence1 { get; set; } = "";
    }
}
