using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>Rows of GLM, as <c>build_inputs_with_special_tokens</c> of <c>tokenization_glm.py</c> builds them.</summary>
[TestClass]
public sealed class GlmTokenizerTests
{
    private const string ByteLevel = "GLMGPT2Tokenizer", WordPiece = "GLMBertTokenizer", SentencePiece = "GLMChineseTokenizer";

    /// <summary>In the order in which GLM's own code adds them to GPT-2's vocabulary.</summary>
    private static readonly string[] Added =
        ["<|startofpiece|>", "<|endofpiece|>", "[CLS]", "[MASK]", "[SEP]", "[UNK]", "[gMASK]", "[sMASK]"];

    [TestMethod]
    [DataRow("""{ "tokenizer_class": "GLMGPT2Tokenizer" }""")]
    [DataRow("""{ "auto_map": { "AutoTokenizer": ["tokenization_glm.GLMGPT2Tokenizer", null] } }""")]
    public void A_row_of_byte_level_BPE_begins_with_the_class_and_ends_with_the_text(string configuration)
    {
        using var folder = Gpt2(configuration);
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());

        CollectionAssert.AreEqual(new[] { ids["[CLS]"], ids["ab"], ids["<|endoftext|>"] }, tokenizer.Encode("ab", null, 128).Ids());
        CollectionAssert.AreEqual(
            new[] { ids["[CLS]"], ids["a"], ids["[SEP]"], ids["b"], ids["<|endoftext|>"] }, tokenizer.Encode("a", "b", 128).Ids());
        Assert.AreEqual((ids["<|endoftext|>"], ids["[SEP]"], ids.Count), (tokenizer.PadId, tokenizer.SeparatorId, tokenizer.VocabularySize));
    }

    [TestMethod]
    public void Generation_takes_the_tokens_of_a_piece_and_three_masks()
    {
        using var folder = Gpt2();
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());
        var generation = tokenizer.Generation!;

        Assert.AreEqual((ids["<|startofpiece|>"], ids["<|endofpiece|>"], ids["<|endoftext|>"]), (generation.Begin, generation.End, generation.EndOfText));
        CollectionAssert.AreEqual(new[] { ids["[MASK]"], ids["[sMASK]"], ids["[gMASK]"] }, generation.Masks.ToArray());
        Assert.AreEqual(
            ((int?)ids["[MASK]"], (int?)ids["[sMASK]"], (int?)ids["[gMASK]"]), (tokenizer.MaskId, generation.SentenceMask, generation.LongMask));
    }

    [TestMethod]
    public void A_text_with_masks_has_the_ids_of_the_reference()
    {
        using var folder = TokenizerFolder.PublishedGpt2($$"""{ "tokenizer_class": "{{ByteLevel}}" }""");
        folder.Write("added_tokens.json", JsonSerializer.Serialize(
            Added.Select((token, i) => (token, i)).ToDictionary(entry => entry.token, entry => 50257 + entry.i)));
        var tokenizer = folder.Load("glm");

        foreach (var (text, ids) in GoldenTexts.Decoded("glm-ids"))
            CollectionAssert.AreEqual(ids, tokenizer.Ids(text), text);
    }

    [TestMethod]
    public void Masks_in_a_text_are_masks_and_eat_the_space_before_them()
    {
        using var folder = Gpt2();
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());

        CollectionAssert.AreEqual(
            new Token[]
            {
                new(ids["ab"], 0, 2), new(ids["[MASK]"], 4, 6), new(ids["Ġ"], 10, 1), new(ids["b"], 11, 1), new(ids["[gMASK]"], 12, 7),
                new(ids["[sMASK]"], 20, 7),
            },
            tokenizer.Tokenize("ab  [MASK] b[gMASK] [sMASK]").ToArray());
    }

    [TestMethod]
    public void Other_special_tokens_in_a_text_are_plain_text()
    {
        using var folder = Gpt2();

        Assert.AreEqual("[CLS]<|endoftext|>[MASK".Length, folder.Load("glm").Tokenize("[CLS]<|endoftext|>[MASK").Count);
    }

    [TestMethod]
    public void A_space_before_a_mask_stays_if_the_files_say_so()
    {
        using var folder = Gpt2("""
            {
              "tokenizer_class": "GLMGPT2Tokenizer",
              "mask_token": { "content": "[MASK]", "lstrip": false, "rstrip": true }
            }
            """);
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());

        CollectionAssert.AreEqual(new[] { ids["a"], ids["Ġ"], ids["[MASK]"], ids["b"] }, tokenizer.Ids("a [MASK] b"));
    }

    [TestMethod]
    public void A_word_before_a_mask_has_a_space_before_it_and_one_behind_it_has_none()
    {
        using var folder = Gpt2();
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());

        CollectionAssert.AreEqual(
            new[] { ids["Ġ"], ids["a"], ids["[MASK]"], ids["b"] }, tokenizer.TokenizeWord("a[MASK]b").Select(token => token.Id).ToArray());
    }

    [TestMethod]
    public void A_long_text_loses_its_beginning()
    {
        using var folder = Gpt2();
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());
        var text = string.Concat(Enumerable.Repeat("b a ", 5_000)) + "ab [MASK]";

        var encoded = tokenizer.Encode(text, null, 5);

        CollectionAssert.AreEqual(new[] { ids["[CLS]"], ids["Ġ"], ids["ab"], ids["[MASK]"], ids["<|endoftext|>"] }, encoded.Ids());
        Assert.AreEqual(new Token(ids["[MASK]"], 20_003, 6), encoded.Tokens[3]);
        Assert.AreEqual(tokenizer.Tokenize(text).Count - 3, encoded.DroppedTokens);
    }

    [TestMethod]
    public void Thousands_of_masks_take_no_time()
    {
        using var folder = Gpt2();

        Assert.AreEqual(200_000, folder.Load("glm").Tokenize(string.Concat(Enumerable.Repeat("[MASK]", 200_000))).Count);
    }

    [TestMethod]
    public void A_row_of_WordPiece_is_that_of_BERT()
    {
        using var folder = TokenizerFolder.WordPiece($$"""{ "tokenizer_class": "{{WordPiece}}" }""", "a", "##b");
        folder.Write("added_tokens.json", """{ "<|startofpiece|>": 7, "<|endofpiece|>": 8, "[gMASK]": 9 }""");
        var tokenizer = folder.Load("glm");

        CollectionAssert.AreEqual(new[] { 2, 5, 3 }, tokenizer.Encode("A", null, 128).Ids());
        CollectionAssert.AreEqual(new[] { 2, 5, 3, 4, 3 }, tokenizer.Encode("a", " [MASK] ", 128).Ids());
        CollectionAssert.AreEqual(new int[5], tokenizer.Encode("a", "[MASK]", 128).Segments);
        CollectionAssert.AreEqual(new[] { 2, 4, 3 }, tokenizer.Encode("a ab [MASK]", null, 3).Ids());
        Assert.AreEqual((0, 7, 8), (tokenizer.PadId, tokenizer.Generation!.Begin, tokenizer.Generation.End));
        CollectionAssert.AreEqual(new[] { 4, 9 }, tokenizer.Generation.Masks.ToArray());
        Assert.AreEqual(10, tokenizer.VocabularySize);
    }

    [TestMethod]
    public void A_row_of_SentencePiece_cuts_the_parts_beside_a_mask_by_themselves()
    {
        var model = new UnigramModelFile().Add("<unk>", 0, PieceType.Unknown).AddCharacters("北京是");
        using var folder = Chinese(model);
        var tokenizer = folder.Load("glm");
        var (space, added) = (model.IdOf("▁"), model.Pieces.Count);

        CollectionAssert.AreEqual(
            new[] { added + 2, space, model.IdOf("北"), model.IdOf("京"), added + 3, space, model.IdOf("是"), model.IdOf("<unk>"), added },
            tokenizer.Encode("北京 [MASK]是x", null, 128).Ids());
        Assert.AreEqual((added, added + 1), (tokenizer.PadId, tokenizer.SeparatorId));
        Assert.AreEqual("北京", tokenizer.Decode(tokenizer.Ids("[MASK]北京")));
    }

    [TestMethod]
    public void Tokens_that_were_added_may_stand_in_the_configuration()
    {
        var vocabulary = TokenizerFolder.Gpt2Ids("a b");
        var added = Added.Select((token, i) => $$"""
            "{{vocabulary.Count + i}}": { "content": "{{token}}", "lstrip": {{(token == "[MASK]" ? "true" : "false")}}, "rstrip": false, "special": true }
            """);
        using var folder = Gpt2($$"""{ "tokenizer_class": "{{ByteLevel}}", "added_tokens_decoder": { {{string.Join(',', added)}} } }""");
        folder.Delete("added_tokens.json");
        var (tokenizer, ids) = (folder.Load("glm"), Gpt2Ids());

        CollectionAssert.AreEqual(new[] { ids["a"], ids["[MASK]"], ids["Ġ"], ids["[gMASK]"] }, tokenizer.Ids("a [MASK] [gMASK]"));
    }

    [TestMethod]
    public void Added_tokens_are_among_the_files()
    {
        using var folder = Gpt2();
        string[] files = ["vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json"];

        CollectionAssert.AreEquivalent(files, folder.Load("glm").Files.Select(Path.GetFileName).ToArray());
        CollectionAssert.AreEquivalent(files, TextTokenizer.FilesOf(folder.Path).ToArray());
    }

    [TestMethod]
    public void Added_tokens_of_other_families_are_not_read()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        folder.Write("added_tokens.json", "no JSON");

        CollectionAssert.DoesNotContain(folder.Load().Files.Select(Path.GetFileName).ToArray(), "added_tokens.json");
    }

    [TestMethod]
    [DataRow("""{ "[MASK]": "x" }""", "expected an id from 0 to 16777215 for token '[MASK]', but found x")]
    [DataRow("[]", "expected a JSON object, but found Array")]
    [DataRow("{}", "expected the special token '[SEP]' (sep_token)")]
    [DataRow("""{ "[SEP]": 300, "[CLS]": 301, "[MASK]": 302, "<|endofpiece|>": 303 }""", "expected the special token '<|startofpiece|>' (sop_token)")]
    public void Bad_added_tokens_are_refused(string added, string message)
    {
        using var folder = Gpt2();
        folder.Write("added_tokens.json", added);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("glm"));

        StringAssert.Contains(refusal.Message, folder.Path);
        StringAssert.Contains(refusal.Message, message);
    }

    [TestMethod]
    public void Words_that_were_added_are_refused()
    {
        using var folder = Gpt2();
        folder.Write("added_tokens.json", """{ "banana": 300 }""");

        var refusal = Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("glm"));

        StringAssert.Contains(refusal.Message, "the added token 'banana' is an ordinary word");
    }

    [TestMethod]
    public void A_model_of_GLM_without_a_class_is_refused()
    {
        using var folder = Gpt2("{}");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("glm"));

        StringAssert.Contains(refusal.Message, $"expected GLM's tokenizer class, {ByteLevel}, {WordPiece} or {SentencePiece}, as tokenizer_class");
    }

    private static Dictionary<string, int> Gpt2Ids(params string[] merges)
    {
        var ids = TokenizerFolder.Gpt2Ids(merges is [] ? ["a b"] : merges);
        foreach (var token in Added)
            ids.Add(token, ids.Count);
        return ids;
    }

    /// <summary>GPT-2's files with the tokens that GLM adds.</summary>
    internal static TokenizerFolder Gpt2(string configuration = $$"""{ "tokenizer_class": "{{ByteLevel}}" }""", params string[] merges)
    {
        var folder = TokenizerFolder.Gpt2(configuration, merges is [] ? ["a b"] : merges);
        folder.Write("added_tokens.json", JsonSerializer.Serialize(Gpt2Ids(merges).Where(entry => Added.Contains(entry.Key)).ToDictionary()));
        return folder;
    }

    private static TokenizerFolder Chinese(UnigramModelFile model)
    {
        var folder = TokenizerFolder.SentencePiece("cog-pretrain.model", model, $$"""{ "tokenizer_class": "{{SentencePiece}}" }""");
        string[] tokens = ["<|endoftext|>", "[SEP]", "[CLS]", "[MASK]", "[UNK]", "<|startofpiece|>", "<|endofpiece|>", "[sMASK]", "[gMASK]"];
        folder.Write("added_tokens.json", JsonSerializer.Serialize(
            tokens.Select((token, i) => (token, i)).ToDictionary(entry => entry.token, entry => model.Pieces.Count + entry.i)));
        return folder;
    }
}
