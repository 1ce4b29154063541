using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

/// <summary>Entities by conlleval's rules for the beginning and the end of a chunk, and by seqeval's strict IOB2.</summary>
[TestClass]
public sealed class TagSequenceTests
{
    [TestMethod]
    [DataRow("", "")]
    [DataRow("O O", "")]
    [DataRow("B-X I-X O B-Y", "X 0 2, Y 3 4", DisplayName = "IOB2")]
    [DataRow("I-X I-X B-X O I-Y", "X 0 2, X 2 3, Y 4 5", DisplayName = "IOB1")]
    [DataRow("B-X I-X E-X S-X O S-Y B-X E-X", "X 0 3, X 3 4, Y 5 6, X 6 8", DisplayName = "BIOES")]
    [DataRow("B-X I-X L-X U-X O U-Y B-X L-X", "X 0 3, X 3 4, Y 5 6, X 6 8", DisplayName = "BILOU")]
    [DataRow("I-X E-X I-X E-X", "X 0 2, X 2 4", DisplayName = "IOE: an ending tag closes")]
    [DataRow("B-X I-Y I-X", "X 0 1, Y 1 2, X 2 3", DisplayName = "Another type begins")]
    [DataRow("B-X B-X", "X 0 1, X 1 2", DisplayName = "B- begins after itself")]
    [DataRow("S-X I-X", "X 0 1, X 1 2", DisplayName = "Inside after a single word begins")]
    [DataRow("E-X L-X I-X", "X 0 1, X 1 2, X 2 3", DisplayName = "Each ending tag closes")]
    [DataRow("B-ARGM-LOC I-ARGM-LOC I-ARGM-TMP", "ARGM-LOC 0 2, ARGM-TMP 2 3", DisplayName = "The first dash ends the prefix")]
    public void Lenient_reading_is_that_of_conlleval(string tags, string expected) => Assert.AreEqual(expected, Read(tags, EntityReading.Lenient));

    [TestMethod]
    [DataRow("B-X I-X O B-Y", "X 0 2, Y 3 4")]
    [DataRow("I-X I-X O", "")]
    [DataRow("O I-X B-X I-X", "X 2 4")]
    [DataRow("B-X I-Y I-X", "X 0 1")]
    [DataRow("B-X B-X I-X", "X 0 1, X 1 3")]
    [DataRow("B-X E-X I-X", "X 0 1")]
    [DataRow("S-X O U-X L-X", "")]
    public void Strict_reading_begins_at_B_only(string tags, string expected) => Assert.AreEqual(expected, Read(tags, EntityReading.Strict));

    [TestMethod]
    [DataRow("PER")]
    [DataRow("B-")]
    [DataRow("X-PER")]
    [DataRow("b-PER")]
    [DataRow("")]
    public void Spans_refuse_what_is_no_tag(string tag)
    {
        var error = Assert.ThrowsExactly<FormatException>(() => TagSequence.Spans(["O", tag], EntityReading.Lenient));

        Assert.Contains($"found '{tag}'", error.Message);
    }

    [TestMethod]
    public void Iob2_begins_each_entity_with_B()
    {
        var tags = TagSequence.ToIob2([new TaggedSpan(1, 3, "X"), new TaggedSpan(3, 4, "X"), new TaggedSpan(5, 6, "Y-Z")], 7);

        Assert.AreEqual("O B-X I-X B-X O B-Y-Z O", string.Join(' ', tags));
    }

    [TestMethod]
    [DataRow("I-X I-X B-X O I-Y", "B-X I-X B-X O B-Y")]
    [DataRow("B-X I-X E-X S-X O S-Y", "B-X I-X I-X B-X O B-Y")]
    public void Other_schemes_become_IOB2(string tags, string expected)
    {
        var words = tags.Split(' ');

        Assert.AreEqual(expected, string.Join(' ', TagSequence.ToIob2(TagSequence.Spans(words, EntityReading.Lenient), words.Length)));
    }

    [TestMethod]
    [DataRow(0, 2, 1, 3, DisplayName = "Overlap")]
    [DataRow(0, 1, 3, 5, DisplayName = "Beyond the row")]
    [DataRow(0, 1, 2, 2, DisplayName = "Empty")]
    [DataRow(0, 1, -1, 2, DisplayName = "Before the row")]
    public void Iob2_refuses_entities_that_do_not_fit(int start, int end, int otherStart, int otherEnd) =>
        Assert.ThrowsExactly<ArgumentException>(() =>
            TagSequence.ToIob2([new TaggedSpan(start, end, "X"), new TaggedSpan(otherStart, otherEnd, "X")], 4));

    [TestMethod]
    [DataRow("O B-PER I-PER", true)]
    [DataRow("O U-ARGM-LOC L-X E-X S-X", true)]
    [DataRow("O", false)]
    [DataRow("", false)]
    [DataRow("NN VB O", false)]
    [DataRow("O B-PER PER", false)]
    public void Chunk_tags_are_told_from_other_labels(string tags, bool expected) =>
        Assert.AreEqual(expected, TagSequence.IsChunkTagSet(tags.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    [TestMethod]
    [DataRow("O B-PER", true)]
    [DataRow("B-PER", true)]
    [DataRow("PERSON CITY O", true)]
    [DataRow("PERSON 0", true)]
    [DataRow("PERSON CITY", false)]
    [DataRow("O 0", false)]
    [DataRow("O B-PER PER", false)]
    [DataRow("", false)]
    public void Tags_name_entities_by_their_prefix_or_beside_a_tag_for_none(string tags, bool expected) =>
        Assert.AreEqual(expected, TagSequence.NamesEntities(tags.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    [TestMethod]
    [DataRow("O", "O")]
    [DataRow("0", "O")]
    [DataRow("", "O")]
    [DataRow("U-PER", "U-PER")]
    [DataRow("PERSON", "I-PERSON")]
    [DataRow("X-PER", "I-X-PER")]
    public void Type_without_a_prefix_continues(string tag, string expected) => Assert.AreEqual(expected, TagSequence.ToPrefixed(tag));

    [TestMethod]
    public void Lenient_reading_follows_conllevals_tables_whatever_the_tags()
    {
        foreach (var tags in RandomRows(2000))
            CollectionAssert.AreEqual(ByConllevalsTables(tags), TagSequence.Spans(tags, EntityReading.Lenient).ToArray(), string.Join(' ', tags));
    }

    [TestMethod]
    [DataRow(EntityReading.Lenient)]
    [DataRow(EntityReading.Strict)]
    public void Entities_written_as_IOB2_read_the_same_in_both_ways(EntityReading reading)
    {
        foreach (var tags in RandomRows(500))
        {
            var spans = TagSequence.Spans(tags, EntityReading.Lenient);
            CollectionAssert.AreEqual(spans.ToArray(), TagSequence.Spans(TagSequence.ToIob2(spans, tags.Length), reading).ToArray());
        }
    }

    // The pairs of tags between which a chunk ends or begins, as conlleval lists them (in the version that knows E- and S-).
    private static TaggedSpan[] ByConllevalsTables(string[] tags)
    {
        string[] ends = ["BB", "BS", "BO", "IB", "IS", "IO", "EB", "EI", "EE", "ES", "EO", "SB", "SI", "SE", "SS", "SO"];
        string[] begins = ["EE", "EI", "SE", "SI", "OE", "OI"];
        var (spans, start, previous) = (new List<TaggedSpan>(), -1, "O");
        for (var word = 0; word <= tags.Length; word++)
        {
            var tag = word < tags.Length ? tags[word] : "O";
            var (pair, type, previousType) = ($"{previous[0]}{tag[0]}", tag[1..], previous[1..]);
            if (ends.Contains(pair) || (previous != "O" && previousType != type))
                spans.Add(new TaggedSpan(start, word, previousType[1..]));
            if (tag[0] is 'B' or 'S' || begins.Contains(pair) || (tag != "O" && previousType != type))
                start = word;
            previous = tag;
        }
        return [.. spans];
    }

    private static IEnumerable<string[]> RandomRows(int count)
    {
        string[] tags = ["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"];
        var random = new Random(7);
        return Enumerable.Range(0, count).Select(_ => random.GetItems(tags, random.Next(12)));
    }

    private static string Read(string tags, EntityReading reading) => string.Join(
        ", ", TagSequence.Spans(tags.Split(' ', StringSplitOptions.RemoveEmptyEntries), reading).Select(s => $"{s.Type} {s.Start} {s.End}"));
}
