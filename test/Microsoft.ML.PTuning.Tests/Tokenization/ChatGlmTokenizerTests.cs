using System.Text.Json;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>
/// Ids and texts as SentencePiece 0.1.97 gave them behind the preparation of <c>tokenization_chatglm.py</c> (<c>golden/chatglm-tokenizer/make.py</c>).
/// </summary>
[TestClass]
public sealed class ChatGlmTokenizerTests
{
    internal const string FileName = "ice_text.model", Last = """{ "tokenizer_class": "ChatGLMTokenizer", "num_image_tokens": 0 }""";

    private static readonly string Golden = Path.Combine(AppContext.BaseDirectory, "golden", "chatglm-tokenizer");
    private static readonly JsonElement Cases = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden, "cases.json"))).RootElement;

    [TestMethod]
    [DataRow("last", Last, 0)]
    [DataRow("first", "{}", 20_000)]
    public void A_text_has_the_ids_of_the_reference(string release, string configuration, int images)
    {
        using var folder = Copy(release, configuration);
        var tokenizer = folder.Load("chatglm");

        foreach (var one in Cases.GetProperty("cases").EnumerateArray())
        {
            var (text, ids) = (one.GetProperty("text").GetString()!, one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32() + images).ToArray());
            CollectionAssert.AreEqual(ids, tokenizer.Ids(text), text);
            Assert.AreEqual(one.GetProperty("decoded").GetString(), tokenizer.Decode(ids), text);
        }
    }

    /// <summary>The names of the ids that a published test (<c>chatglm_q</c>) expects of the real model: tab, runs of 3 and 5, line breaks.</summary>
    [TestMethod]
    public void White_space_has_the_pieces_of_a_published_case()
    {
        using var folder = Copy("last", Last);
        var tokenizer = folder.Load("chatglm");

        CollectionAssert.AreEqual(
            new[] { "▁", "<|tab|>", "<|blank_3|>", "<|tab|>", "<|blank_5|>", "<n>", "▁", "<n>" },
            tokenizer.Ids("\t   \t     \n \n").Select(tokenizer.TokenOf).ToArray());
    }

    [TestMethod]
    public void A_row_ends_with_the_mask_and_the_begin()
    {
        using var folder = Copy("last", Last);
        var tokenizer = folder.Load("chatglm");
        int[] a = tokenizer.Ids("ba"), b = tokenizer.Ids("ko");

        CollectionAssert.AreEqual(new[] { Id("[gMASK]"), Id("<sop>") }, tokenizer.Encode("", null, 128).Ids());
        CollectionAssert.AreEqual((int[])[.. a, Id("[gMASK]"), Id("<sop>")], tokenizer.Encode("ba", null, 128).Ids());
        CollectionAssert.AreEqual((int[])[.. a, Id("[gMASK]"), Id("<sop>"), .. b, Id("<eop>")], tokenizer.Encode("ba", "ko", 128).Ids());
        Assert.AreEqual((0, 2, 3), (tokenizer.FirstStart, tokenizer.SpecialTokens(pair: false), tokenizer.SpecialTokens(pair: true)));
        Assert.AreEqual(a.Length + 2, tokenizer.Encode("ba", "ko", 128).SecondStart);
    }

    [TestMethod]
    public void Its_special_tokens_are_known()
    {
        using var folder = Copy("first", "{}");
        var tokenizer = folder.Load("chatglm");
        var generation = tokenizer.Generation!;

        Assert.AreEqual(20_000 + 594, tokenizer.VocabularySize);
        Assert.AreEqual((20_000 + Id("<sop>"), 20_000 + Id("<eop>"), 20_000 + Id("<pad>")), (generation.Begin, generation.End, tokenizer.PadId));
        Assert.AreEqual(((int?)(20_000 + Id("[MASK]")), (int?)(20_000 + Id("[gMASK]"))), (tokenizer.MaskId, generation.LongMask));
    }

    [TestMethod]
    public void A_mask_in_a_text_is_the_mask()
    {
        using var folder = Copy("last", Last);
        var tokenizer = folder.Load("chatglm");

        CollectionAssert.AreEqual((int[])[.. tokenizer.Ids("ba "), Id("[MASK]"), .. tokenizer.Ids("ko")], tokenizer.Ids("ba [MASK]ko"));
    }

    [TestMethod]
    public void Spelled_white_space_keeps_its_place_in_the_text()
    {
        using var folder = Copy("last", Last);

        CollectionAssert.IsSubsetOf(new[] { "\n", "   ", "\t" }, folder.Load("chatglm").Surfaces("ba\nko   ti\ter"));
    }

    [TestMethod]
    public void Special_tokens_and_images_stand_for_no_text()
    {
        using var folder = Copy("first", "{}");
        var tokenizer = folder.Load("chatglm");

        Assert.AreEqual("ba\n  ko", tokenizer.Decode([17, .. tokenizer.Encode("ba\n  ko", null, 128).Ids(), 0]));
    }

    [TestMethod]
    public void The_beginning_of_a_long_text_has_the_tokens_of_the_whole()
    {
        using var folder = Copy("last", Last);
        var tokenizer = folder.Load("chatglm");
        var text = string.Concat(Enumerable.Repeat("ba ko\n  问答 ti\t", 500));

        CollectionAssert.AreEqual(tokenizer.Tokenize(text).Take(100).ToArray(), tokenizer.TokenizeStart(text, 100).Take(100).ToArray());
    }

    [TestMethod]
    [DataRow("""{ "num_image_tokens": -1 }""", "expected a number from 0 to 16777215 for 'num_image_tokens', but found -1")]
    [DataRow("""{ "gmask_token": "gMASK" }""", "expected the special token 'gMASK' (gmask_token)")]
    public void Bad_settings_are_refused(string configuration, string message)
    {
        using var folder = Copy("last", configuration);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("chatglm")).Message, message);
    }

    [TestMethod]
    public void A_model_of_another_family_is_refused()
    {
        using var folder = TokenizerFolder.SentencePiece(FileName, UnigramModelFile.Albert().AddCharacters("ab"));

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("chatglm"));

        StringAssert.Contains(refusal.Message, Path.Combine(folder.Path, FileName));
        StringAssert.Contains(refusal.Message, "expected ChatGLM's piece for a line break, <n>");
    }

    [TestMethod]
    public void Spaces_that_are_removed_are_refused()
    {
        using var folder = Copy("last", """{ "remove_space": true }""");

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("chatglm")).Message, "remove_space is true");
    }

    private static int Id(string piece) => Cases.GetProperty("pieces").GetProperty(piece).GetInt32();

    internal static TokenizerFolder Copy(string release, string configuration)
    {
        var folder = new TokenizerFolder();
        File.Copy(Path.Combine(Golden, release, FileName), Path.Combine(folder.Path, FileName));
        folder.Write("tokenizer_config.json", configuration);
        return folder;
    }
}
