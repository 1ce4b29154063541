using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Label columns of every form, to the targets that are learned.</summary>
[TestClass]
public sealed class TagColumnTests
{
    private static readonly MLContext Context = new(1);
    private static readonly TokenizerFolder Folder = TokenizerFolder.Characters("{}", "abcdefghijklmnopqrstuvwxyz,");

    [ClassCleanup]
    public static void Delete() => Folder.Dispose();

    [TestMethod]
    [DataRow("I-PER B-PER I-PER O I-LOC O", DisplayName = "IOB1")]
    [DataRow("B-PER B-PER I-PER O B-LOC O", DisplayName = "IOB2")]
    [DataRow("S-PER B-PER E-PER O S-LOC O", DisplayName = "BIOES")]
    [DataRow("U-PER B-PER L-PER O U-LOC O", DisplayName = "BILOU")]
    public void Entities_are_learned_in_IOB2_whatever_their_scheme(string tags)
    {
        var (task, rows) = Read(Keyed(new TaggedRow { Sentence1 = ["a", "b", "c", "d", "e", "f"], Tags = tags.Split(' ') }));

        CollectionAssert.AreEqual(new[] { "O", "B-PER", "I-PER", "B-LOC", "I-LOC" }, task.Labels!.Values!.ToArray());
        CollectionAssert.AreEqual(new float[] { -1, 1, 1, 2, 0, 3, 0, -1 }, rows.Examples[0].Parts[0].Target);
    }

    [TestMethod]
    public void Other_tags_are_learned_as_they_are()
    {
        var (task, rows) = Read(Keyed(new TaggedRow { Sentence1 = ["a", "b", "c", "d"], Tags = ["NN", "B", "NN", "I-"] }));

        CollectionAssert.AreEqual(new[] { "NN", "B", "I-" }, task.Labels!.Values!.ToArray());
        CollectionAssert.AreEqual(new float[] { -1, 0, 1, 0, 2, -1 }, rows.Examples[0].Parts[0].Target);
    }

    [TestMethod]
    public void Missing_key_beside_entities_is_outside_of_them() =>
        CollectionAssert.AreEqual(new float[] { -1, 1, 0, -1 }, Read(Keyed(["B-PER", "O"], ["B-PER", "?"])).Rows.Examples[0].Parts[0].Target);

    [TestMethod]
    [DataRow("PERSON CITY", "PERSON ? CITY", "PERSON CITY O", "0 2 1", DisplayName = "types alone")]
    [DataRow("PERSON CITY 0", "PERSON ? 0", "PERSON CITY 0", "0 2 2", DisplayName = "types beside 0")]
    [DataRow("O PERSON CITY", "PERSON ? O", "O PERSON CITY", "1 0 0", DisplayName = "types beside O")]
    [DataRow("PERSON _ CITY", "PERSON ? _", "PERSON O CITY", "0 1 1", DisplayName = "types beside the empty text")]
    [DataRow("PERSON 0 O", "PERSON ? 0", "PERSON 0 O", "0 2 1", DisplayName = "types beside 0 and O")]
    [DataRow("PERSON", "PERSON ?", "PERSON O", "0 1", DisplayName = "a single type")]
    [DataRow("B-PER I-PER", "B-PER I-PER ?", "O B-PER I-PER", "1 2 0", DisplayName = "prefixes alone")]
    [DataRow("B-PER 0", "B-PER ? 0", "O B-PER I-PER", "1 0 0", DisplayName = "prefixes beside 0")]
    [DataRow("_ B-PER", "B-PER ? _", "O B-PER I-PER", "1 0 0", DisplayName = "prefixes beside the empty text")]
    [DataRow("NN VB", "NN VB", "NN VB", "0 1", DisplayName = "no missing key, no tag for it")]
    public void Missing_key_is_no_entity_whatever_the_tags(string values, string tags, string learned, string targets)
    {
        var (task, rows) = Read(WithValues(Split(values), Split(tags)));

        CollectionAssert.AreEqual(learned.Split(' '), task.Labels!.Values!.ToArray());
        CollectionAssert.AreEqual((float[])[-1, .. targets.Split(' ').Select(float.Parse), -1], rows.Examples[0].Parts[0].Target);

        static string[] Split(string texts) => Array.ConvertAll(texts.Split(' '), text => text == "_" ? "" : text);
    }

    [TestMethod]
    public void Row_without_tags_is_skipped()
    {
        var (_, rows) = Read(Keyed(new TaggedRow { Sentence1 = ["a"], Tags = [] }, new TaggedRow { Sentence1 = ["a", "b"], Tags = ["O", "B-X"] }));

        Assert.AreEqual((1, 1), (rows.Examples.Count, rows.Skipped));
    }

    [TestMethod]
    public void Tags_of_white_space_words_are_learned()
    {
        var data = Context.Data.LoadFromEnumerable([new TaggedText { Sentence1 = " anna's  dog, max", Tags = ["B-X", "O", "O"] }]);

        var (task, rows) = Read(Keyed(data));

        Assert.AreEqual(WordSource.WhiteSpace, task.Words);
        CollectionAssert.AreEqual(new[] { "B-X", "O", "O" }, ((TaggedSentence)rows.Examples[0]).Tags);
    }

    [TestMethod]
    [DataRow(new[] { "PER 0 4", "LOC 8 12" }, "B-PER O B-LOC O O")]
    [DataRow(new[] { "LOC 8 12", "PER 0 4" }, "B-PER O B-LOC O O", DisplayName = "in any order")]
    [DataRow(new[] { "PER 1 9" }, "B-PER I-PER I-PER O O", DisplayName = "parts of words")]
    [DataRow(new[] { "LOC 7 13" }, "O O B-LOC I-LOC O", DisplayName = "with a space and a comma")]
    [DataRow(new[] { "PER 0 4", "PER 5 7" }, "B-PER B-PER O O O", DisplayName = "side by side")]
    [DataRow(new[] { "", "PER 14 17" }, "O O O O B-PER", DisplayName = "empty texts are passed over")]
    [DataRow(new string[] { }, "O O O O O", DisplayName = "none")]
    [DataRow(new[] { "PER 0 7", "LOC 5 12" }, null, DisplayName = "overlap")]
    [DataRow(new[] { "PER 0 2", "LOC 2 4" }, null, DisplayName = "two in a word")]
    [DataRow(new[] { "PER 0 12", "LOC 5 7" }, null, DisplayName = "one in another")]
    [DataRow(new[] { "PER 14 18" }, null, DisplayName = "beyond the end")]
    [DataRow(new[] { "PER 20 25" }, null, DisplayName = "outside")]
    [DataRow(new[] { "PER 4 5" }, null, DisplayName = "white space only")]
    public void Spans_cover_every_word_that_they_touch(string[] spans, string? tags)
    {
        var (_, rows) = Read(Spans(("anna of rome, now", spans), ("max", ["PER 0 3", "LOC 0 3"])));

        CollectionAssert.AreEqual(tags?.Split(' '), ((TaggedSentence)rows.Examples[0]).Tags);
        Assert.AreEqual(tags is null ? 2 : 1, rows.Misaligned);
        Assert.IsEmpty(rows.Examples[1].Split());
    }

    [TestMethod]
    public void Span_may_end_with_the_white_space_at_the_end_of_the_text()
    {
        var (_, rows) = Read(Spans(("anna ", ["PER 0 5"]), ("max", ["LOC 0 3"])));

        CollectionAssert.AreEqual(new[] { "B-PER" }, ((TaggedSentence)rows.Examples[0]).Tags);
    }

    [TestMethod]
    public void Tag_of_another_kind_beside_tags_of_entities_is_refused_by_name()
    {
        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Read(Keyed(["O", "B-PER", "-X-"], ["O", "B-PER"])));

        Assert.AreEqual("Label", refusal.ParamName);
        Assert.Contains("has the tag '-X-' beside tags of entities such as 'B-PER'", refusal.Message);
    }

    [TestMethod]
    public void Validation_with_a_tag_of_another_kind_is_refused_by_name()
    {
        var (task, _) = Read(Keyed(["O", "B-PER"], ["O", "B-PER"]));

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => task.CheckValidation(Keyed(["O", "B-PER", "NN"], ["O", "NN"])));

        Assert.Contains("has the tag 'NN'", refusal.Message);
    }

    [TestMethod]
    public void Types_of_spans_are_tags_in_the_order_of_the_alphabet()
    {
        var (task, _) = Read(Spans(("a b", ["Z 0 1"]), ("a", ["work of art 0 1"])));

        CollectionAssert.AreEqual(new[] { "O", "B-Z", "I-Z", "B-work of art", "I-work of art" }, task.Labels!.Values!.ToArray());
    }

    [TestMethod]
    public void Text_without_words_cannot_hold_an_entity()
    {
        var (_, rows) = Read(Spans(("", ["PER 0 3"]), ("", [])));

        Assert.AreEqual((2, 1), (rows.Examples.Count, rows.Misaligned));
    }

    [TestMethod]
    public void Text_that_is_no_span_is_named_with_its_column_and_row()
    {
        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Read(Spans(("anna", ["PER 0 4"]), ("anna", ["PER 0"]))));

        Assert.Contains("Label column 'Label', row 1: Expected an entity as type, start and end", refusal.Message);
        Assert.Contains("found 'PER 0'", refusal.Message);
    }

    [TestMethod]
    public void Other_number_of_tags_than_words_is_named_with_its_row()
    {
        var data = Keyed(new TaggedRow { Sentence1 = ["a"], Tags = ["O"] }, new TaggedRow { Sentence1 = ["a", "b", "c"], Tags = ["O", "B-X"] });

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Read(data));

        Assert.Contains("Label column 'Label' has 2 tags in row 1, but the sentence has 3 words.", refusal.Message);
    }

    [TestMethod]
    public void Keys_of_numbers_are_refused()
    {
        var data = Context.Data.LoadFromEnumerable([new NumberedRow { Sentence1 = ["a", "b"], Tags = [1, 2] }]);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Read(Keyed(data)));

        Assert.AreEqual("Label", refusal.ParamName);
        Assert.Contains("The keys of label column 'Label' have no texts as their values; expected tags such as 'B-PER'.", refusal.Message);
    }

    [TestMethod]
    public void Texts_beside_given_words_are_refused()
    {
        var data = Context.Data.LoadFromEnumerable([new TaggedRow { Sentence1 = ["a"], Tags = ["O"] }]);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Read(Context.Transforms.CopyColumns("Label", "Tags").Fit(data).Transform(data)));

        Assert.AreEqual("Label", refusal.ParamName);
        Assert.Contains("Map its tags to keys (Transforms.Conversion.MapValueToKey)", refusal.Message);
    }

    [TestMethod]
    public void One_tag_alone_is_refused() =>
        Assert.Contains("Label column 'Label' names the tag 'O' only.",
            Assert.ThrowsExactly<InvalidOperationException>(() => Read(Keyed(new TaggedRow { Sentence1 = ["a"], Tags = ["O"] }))).Message);

    [TestMethod]
    public void Spans_without_any_entity_are_refused() =>
        Assert.Contains("Label column 'Label' names the tag 'O' only.",
            Assert.ThrowsExactly<InvalidOperationException>(() => Read(Spans(("a", [])))).Message);

    [TestMethod]
    public void Validation_has_its_own_order_of_keys()
    {
        var (task, _) = Read(Keyed(["O", "B-PER", "B-LOC"], ["O", "B-PER"]));
        var validation = Keyed(["B-NEW", "B-LOC", "O"], ["B-LOC", "B-NEW"]);

        var rows = ExampleSet.Read(validation, task, Folder.Load(), () => { });

        // B-NEW cannot be learned, but is missed.
        CollectionAssert.AreEqual(new float[] { -1, task.Labels!.IndexOf("B-LOC"), -1, -1 }, rows.Examples[0].Parts[0].Target);
        CollectionAssert.AreEqual(new[] { "B-LOC", "B-NEW" }, ((TaggedSentence)rows.Examples[0]).Tags);
    }

    [TestMethod]
    public void Validation_with_texts_for_words_is_refused()
    {
        var (task, _) = Read(Keyed(["O", "B-PER"], ["O", "B-PER"]));
        var validation = Context.Data.LoadFromEnumerable([new TaggedText { Sentence1 = "a b", Tags = ["O", "O"] }]);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => task.CheckValidation(Keyed(validation)));

        Assert.AreEqual("Sentence1", refusal.ParamName);
        Assert.Contains("is String in the validation rows, but not in the training rows; expected a vector of String.", refusal.Message);
    }

    [TestMethod]
    public void Validation_with_keys_for_spans_is_refused()
    {
        var (task, _) = Read(Spans(("a", ["PER 0 1"])));
        var validation = Context.Data.LoadFromEnumerable([new TaggedText { Sentence1 = "a b", Tags = ["O", "O"] }]);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => task.CheckValidation(Keyed(validation)));

        Assert.AreEqual("Label", refusal.ParamName);
    }

    private static (NamedEntityRecognition Task, ExampleSet Rows) Read(IDataView data)
    {
        var task = (NamedEntityRecognition)(Any.Tagging(2) with { Words = null, Labels = null, MaxLength = 64 }).ForData(data, () => { });
        return (task, ExampleSet.Read(data, task, Folder.Load(), () => { }));
    }

    private static IDataView Spans(params (string Text, string[] Entities)[] rows) =>
        Context.Data.LoadFromEnumerable(rows.Select(row => new SpanRow { Sentence1 = row.Text, Label = row.Entities }));

    private static IDataView Keyed(params TaggedRow[] rows) => Keyed(Context.Data.LoadFromEnumerable(rows));

    private static IDataView Keyed(IDataView data) => Context.Transforms.Conversion.MapValueToKey("Label", "Tags").Fit(data).Transform(data);

    /// <summary>A row whose keys are those of <paramref name="values"/>; what is none of them is missing.</summary>
    private static IDataView Keyed(string[] values, string[] tags)
    {
        var keys = Context.Data.LoadFromEnumerable(values.Select(value => new KeyValue { Value = value }));
        var words = tags.Select((_, i) => ((char)('a' + i)).ToString());
        var data = Context.Data.LoadFromEnumerable([new TaggedRow { Sentence1 = [.. words], Tags = tags }]);
        return Context.Transforms.Conversion.MapValueToKey("Label", "Tags", keyData: keys).Fit(data).Transform(data);
    }

    /// <summary>The same, for values that MapValueToKey does not take, such as the empty text.</summary>
    private static IDataView WithValues(string[] values, string[] tags)
    {
        var schema = SchemaDefinition.Create(typeof(KeyedRow));
        var type = new VectorDataViewType(TextDataViewType.Instance, values.Length);
        schema["Label"].ColumnType = new VectorDataViewType(new KeyDataViewType(typeof(uint), values.Length));
        schema["Label"].AddAnnotation("KeyValues", new VBuffer<ReadOnlyMemory<char>>(values.Length, [.. values.Select(v => v.AsMemory())]), type);
        KeyedRow row = new()
        {
            Sentence1 = [.. tags.Select((_, i) => ((char)('a' + i)).ToString())],
            Label = [.. tags.Select(tag => (uint)Array.IndexOf(values, tag) + 1)],
        };
        return Context.Data.LoadFromEnumerable([row], schema);
    }

    private sealed class KeyedRow
    {
        public string[] Sentence1 { get; set; } = [];

        [KeyType(9)]
        public uint[] Label { get; set; } = [];
    }

    private sealed class KeyValue
    {
        public string Value { get; set; } = "";
    }

    private sealed class TaggedRow
    {
        public string[] Sentence1 { get; set; } = [];

        public string[] Tags { get; set; } = [];
    }

    private sealed class TaggedText
    {
        public string Sentence1 { get; set; } = "";

        public string[] Tags { get; set; } = [];
    }

    private sealed class NumberedRow
    {
        public string[] Sentence1 { get; set; } = [];

        public int[] Tags { get; set; } = [];
    }

    private sealed class SpanRow
    {
        public string Sentence1 { get; set; } = "";

        public string[] Label { get; set; } = [];
    }
}
