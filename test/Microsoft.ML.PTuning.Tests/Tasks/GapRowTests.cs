using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Rows as GLM's and ChatGLM's own code builds them: the text with a mask, then the begin of what fills it.</summary>
[TestClass]
public sealed class GapRowTests
{
    private const int Long = 100, Mask = 4, Begin = 9, End = 10, LongMask = 11;

    private static readonly string[] Vocabulary = [.. TokenizerFolder.BertTokens, "a", "b", "c", "it", "<sop>", "<eop>", "[gMASK]"];

    [TestMethod]
    [DataRow("a b", null, "[CLS] a b [MASK] [SEP] | <sop>", 3)]
    [DataRow("a", "b c", "[CLS] a [SEP] b c [MASK] [SEP] | <sop>", 5)]
    [DataRow("a [MASK] b", null, "[CLS] a [MASK] b [SEP] | <sop>", 2)]
    [DataRow("a [gMASK]", null, "[CLS] a [gMASK] [SEP] | <sop>", 2)]
    [DataRow("[gMASK] a", "[MASK]", "[CLS] [gMASK] a [SEP] [MASK] [SEP] | <sop>", 1)]
    [DataRow("", null, "[CLS] [MASK] [SEP] | <sop>", 1)]
    public void GLM_reads_a_text_with_a_mask(string first, string? second, string expected, int mask)
    {
        using var folder = Glm();

        var (row, text) = GapRow.Encode(folder.Load("glm"), first, second, Long);

        Assert.AreEqual(expected, Shown(row));
        Assert.AreEqual(mask, row.MaskPlace);
        CollectionAssert.AreEqual(row.Ids, text.Ids());
        Assert.HasCount(row.Ids.Length, row.Segments);
    }

    [TestMethod]
    public void The_tokens_of_a_text_keep_their_places()
    {
        using var folder = Glm();

        var (_, text) = GapRow.Encode(folder.Load("glm"), "a", "b", Long);

        Assert.AreEqual((3, new Token(6, 0, 1)), (text.SecondStart, text.Tokens[text.SecondStart]));
        Assert.AreEqual(3, GapRow.Encode(folder.Load("glm"), "", null, Long).Text.SecondStart);
    }

    [TestMethod]
    public void A_long_text_is_cut_so_that_all_fits()
    {
        using var folder = Glm();
        var tokenizer = folder.Load("glm");

        var (row, text) = GapRow.Encode(tokenizer, "a b c a b c", null, maxLength: 6);

        Assert.AreEqual("[CLS] b c [MASK] [SEP] | <sop>", Shown(row));
        Assert.AreEqual((6, 4), (row.Length, text.DroppedTokens));
        Assert.AreEqual((4, 3), (GapRow.AddedTokens(tokenizer, pair: false), GapRow.AddedTokens(tokenizer, pair: false, hasMask: true)));
        Assert.AreEqual(5, GapRow.AddedTokens(tokenizer, pair: true));
    }

    [TestMethod]
    [DataRow("it {text} {mask} .", "[CLS] it a b [MASK] [UNK] [SEP] | <sop>", 4)]
    [DataRow("it {text}", "[CLS] it a b [MASK] [SEP] | <sop>", 4)]
    [DataRow("{mask} {prompt:2} {text}", "[CLS] [MASK] [P] [P] a b [SEP] | <sop>", 1)]
    public void A_pattern_has_its_own_mask_or_gets_one(string pattern, string expected, int mask)
    {
        using var folder = Glm();

        var row = ClozePattern.Parse(pattern).Encode(folder.Load("glm"), "a b", null, Long).Row;

        Assert.AreEqual(expected, Shown(row));
        Assert.AreEqual(mask, row.MaskPlace);
    }

    [TestMethod]
    [DataRow("a b", "[CLS] a b [gMASK] [SEP] | <sop>")]
    [DataRow("a [MASK]", "[CLS] a [MASK] [SEP] | <sop>")]
    public void What_is_written_fills_a_long_gap_if_the_text_has_none(string text, string expected)
    {
        using var folder = Glm();

        var example = TextPart.Encode(folder.Load("glm"), decoderStart: null, continues: false, text, target: null, Long, maxTarget: 5);

        Assert.AreEqual(expected, Shown(example.Parts[0].Sequences[0]));
    }

    [TestMethod]
    public void What_is_learned_follows_the_begin()
    {
        using var folder = Glm();

        var row = TextPart.Encode(folder.Load("glm"), decoderStart: null, continues: false, "a", "b c", Long, maxTarget: 5).Parts[0].Sequences[0];

        CollectionAssert.AreEqual(new[] { Begin, 6, 7 }, row.DecoderIds);
        CollectionAssert.AreEqual(new[] { 6, 7, End }, row.NextIds);
        Assert.AreEqual((2, LongMask), (row.MaskPlace, row.Ids[2]));
    }

    /// <summary>What ChatGLM's tokenizer puts from the begin on is the decoder's: there the model's context ends.</summary>
    [TestMethod]
    public void ChatGLM_reads_a_text_up_to_the_begin()
    {
        using var folder = ChatGlmTokenizerTests.Copy("last", ChatGlmTokenizerTests.Last);
        var tokenizer = folder.Load("chatglm");
        var (a, b, special) = (tokenizer.Ids("ba"), tokenizer.Ids("ko"), tokenizer.Generation!);

        var single = GapRow.Encode(tokenizer, "ba", null, Long).Row;
        var pair = GapRow.Encode(tokenizer, "ba", "ko", Long).Row;
        var masked = GapRow.Encode(tokenizer, "[MASK]ba", null, Long).Row;

        CollectionAssert.AreEqual((int[])[.. a, special.LongMask!.Value], single.Ids);
        CollectionAssert.AreEqual(new[] { special.Begin }, single.DecoderIds);
        Assert.AreEqual(a.Length, single.MaskPlace);
        CollectionAssert.AreEqual(single.Ids, pair.Ids);
        CollectionAssert.AreEqual((int[])[special.Begin, .. b, special.End], pair.DecoderIds);
        CollectionAssert.Contains(masked.Ids, tokenizer.MaskId!.Value);
        Assert.AreEqual(Array.IndexOf(masked.Ids, special.LongMask.Value), masked.MaskPlace); // As modeling_chatglm.py: [gMASK] if there is one.
        Assert.AreEqual(2, GapRow.AddedTokens(tokenizer, pair: false));
    }

    [TestMethod]
    public void In_other_families_a_row_is_the_text()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var tokenizer = folder.Load();

        var (row, _) = GapRow.Encode(tokenizer, "a [MASK]", null, Long);

        CollectionAssert.AreEqual(tokenizer.Encode("a [MASK]", null, Long).Ids(), row.Ids);
        Assert.AreEqual((0, (int?)null, 2), (row.DecoderIds.Length, row.MaskPlace, GapRow.AddedTokens(tokenizer, pair: false)));
    }

    /// <summary>Special tokens under short names.</summary>
    private static TokenizerFolder Glm()
    {
        var folder = TokenizerFolder.WordPiece(
            """{ "tokenizer_class": "GLMBertTokenizer", "sop_token": "<sop>", "eop_token": "<eop>" }""", Vocabulary[TokenizerFolder.BertTokens.Length..Begin]);
        folder.Write("added_tokens.json", $$"""{ "<sop>": {{Begin}}, "<eop>": {{End}}, "[gMASK]": {{LongMask}} }""");
        return folder;
    }

    private static string Shown(EncodedRow row) => string.Join(' ',
        [.. row.Ids.Select((id, place) => row.PromptPlaces.Contains(place) ? "[P]" : Vocabulary[id]), "|", .. row.DecoderIds.Select(id => Vocabulary[id])]);
}
