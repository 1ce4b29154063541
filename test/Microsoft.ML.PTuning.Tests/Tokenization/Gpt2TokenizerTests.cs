using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class Gpt2TokenizerTests
{
    private static readonly Dictionary<string, int> Ids = TokenizerFolder.Gpt2Ids("a b");
    private static readonly int End = Ids["<|endoftext|>"];

    /// <summary>RoBERTa's merges are GPT-2's, and decide its ids; the ids are those of transformers' documentation.</summary>
    [TestMethod]
    [DataRow("Hello world", "15496 995")]
    [DataRow(" Hello world", "18435 995")]
    [DataRow("Hello, my dog is cute", "15496 11 616 3290 318 13779")]
    public void A_text_has_the_published_ids(string text, string ids)
    {
        using var folder = TokenizerFolder.PublishedGpt2();

        Assert.AreEqual(ids, string.Join(' ', folder.Load("gpt2").Encode(text, null, 512).Ids()));
    }

    [TestMethod]
    public void A_text_has_the_ids_of_the_reference()
    {
        using var folder = TokenizerFolder.PublishedGpt2();
        var tokenizer = folder.Load("gpt2");

        foreach (var (text, ids) in GoldenTexts.Decoded("gpt2-ids"))
            CollectionAssert.AreEqual(ids, tokenizer.Ids(text), text);
    }

    [TestMethod]
    public void The_end_of_text_has_the_published_id()
    {
        using var folder = TokenizerFolder.PublishedGpt2();
        var tokenizer = folder.Load("gpt2");

        Assert.AreEqual(50257, tokenizer.VocabularySize);
        Assert.AreEqual((50256, 50256), (tokenizer.Generation!.Begin, tokenizer.Generation.End));
    }

    [TestMethod]
    public void A_text_has_the_pieces_of_RoBERTa()
    {
        using var folder = TokenizerFolder.PublishedGpt2();
        var (gpt2, roberta) = (folder.Load("gpt2"), TextTokenizer.Load(Path.Combine(GoldenFiles.Tokenizers!, "roberta-base"), "roberta"));

        foreach (var text in GoldenTexts.Of("roberta-base"))
        {
            var expected = roberta.Tokenize(text);
            var found = gpt2.Tokenize(text);
            CollectionAssert.AreEqual(Pieces(roberta, expected), Pieces(gpt2, found), text);
        }
    }

    private static (string?, int, int)[] Pieces(TextTokenizer tokenizer, IReadOnlyList<Token> tokens) =>
        [.. tokens.Select(token => (tokenizer.TokenOf(token.Id), token.Start, token.Length))];

    [TestMethod]
    [DataRow("""{ "tokenizer_class": "GPT2Tokenizer" }""", "roberta")]
    [DataRow("""{ "tokenizer_class": "GPT2TokenizerFast" }""", "gpt2")]
    [DataRow("{}", "gpt2")]
    public void No_special_token_stands_around_a_text(string configuration, string modelType)
    {
        using var folder = TokenizerFolder.Gpt2(configuration, "a b");
        var tokenizer = folder.Load(modelType);

        CollectionAssert.AreEqual(new[] { Ids["ab"], Ids["a"] }, tokenizer.Encode("aba", null, 128).Ids());
        Assert.AreEqual((0, 0), (tokenizer.FirstStart, tokenizer.SpecialTokens(pair: false)));
    }

    [TestMethod]
    public void An_empty_text_is_the_end_of_text()
    {
        using var folder = TokenizerFolder.Gpt2("{}");

        var encoded = folder.Load("gpt2").Encode("", null, 1);

        CollectionAssert.AreEqual(new[] { new Token(TokenizerFolder.Gpt2Ids()["<|endoftext|>"], 0, 0) }, encoded.Tokens);
        Assert.AreEqual((1, 0), (encoded.SecondStart, encoded.DroppedTokens));
    }

    [TestMethod]
    public void The_end_of_text_stands_between_two_texts()
    {
        using var folder = TokenizerFolder.Gpt2("{}", "a b");
        var tokenizer = folder.Load("gpt2");

        var encoded = tokenizer.Encode("a", "b", 128);

        CollectionAssert.AreEqual(new[] { Ids["a"], End, Ids["b"] }, encoded.Ids());
        CollectionAssert.AreEqual(new int[3], encoded.Segments);
        Assert.AreEqual(2, encoded.SecondStart);
        CollectionAssert.AreEqual(new[] { End }, tokenizer.Encode("", "", 128).Ids());
        Assert.AreEqual(1, tokenizer.SpecialTokens(pair: true));
    }

    [TestMethod]
    public void A_long_text_loses_its_end()
    {
        using var folder = TokenizerFolder.Gpt2("{}", "a b");

        var encoded = folder.Load("gpt2").Encode("abba", null, 2);

        CollectionAssert.AreEqual(new[] { Ids["ab"], Ids["b"] }, encoded.Ids());
        Assert.AreEqual(1, encoded.DroppedTokens);
    }

    [TestMethod]
    public void A_row_of_no_tokens_is_refused()
    {
        using var folder = TokenizerFolder.Gpt2("{}");
        var tokenizer = folder.Load("gpt2");

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => tokenizer.Encode("a", null, 0));

        StringAssert.Contains(refusal.Message, "A text takes 0 special tokens, but the maximum length is 0 tokens. Raise the maximum length.");
    }

    [TestMethod]
    public void The_end_of_text_in_a_text_is_plain_text()
    {
        using var folder = TokenizerFolder.Gpt2("{}");

        Assert.AreEqual("<|endoftext|>".Length, folder.Load("gpt2").Tokenize("<|endoftext|>").Count);
    }

    [TestMethod]
    public void A_begin_that_the_settings_ask_for_stands_before_the_text()
    {
        using var folder = TokenizerFolder.Gpt2("""{ "add_bos_token": true }""", "a b");
        var tokenizer = folder.Load("gpt2");

        CollectionAssert.AreEqual(new[] { End, Ids["a"] }, tokenizer.Encode("a", null, 128).Ids());
        Assert.AreEqual(1, tokenizer.FirstStart);
    }

    [TestMethod]
    public void Padding_is_the_end_of_text_unless_the_settings_name_another()
    {
        using var folder = TokenizerFolder.Gpt2("{}", "a b");
        using var other = TokenizerFolder.Gpt2("""{ "pad_token": "b" }""", "a b");

        Assert.AreEqual(End, folder.Load("gpt2").PadId);
        Assert.AreEqual(Ids["b"], other.Load("gpt2").PadId);
    }

    [TestMethod]
    public void The_one_file_form_is_the_same()
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", $$"""
            {
              "added_tokens": [{ "id": {{End}}, "content": "<|endoftext|>", "special": true }],
              "normalizer": null, "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false },
              "model": { "type": "BPE", "continuing_subword_prefix": "", "vocab": {{JsonSerializer.Serialize(Ids)}}, "merges": ["a b"] }
            }
            """);

        CollectionAssert.AreEqual(new[] { Ids["ab"], End, Ids["a"] }, folder.Load("gpt2").Encode("ab", "a", 128).Ids());
    }

    [TestMethod]
    public void A_vocabulary_without_the_end_of_text_is_refused()
    {
        using var folder = TokenizerFolder.ByteLevel("{}");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("gpt2"));

        StringAssert.Contains(refusal.Message, Path.Combine(folder.Path, "vocab.json"));
        StringAssert.Contains(refusal.Message, "expected the special token '<|endoftext|>' (bos_token)");
    }

    [TestMethod]
    [DataRow("""{ "tokenizer_class": "BartTokenizerFast" }""", "roberta")]
    [DataRow("{}", "bart")]
    public void Bart_has_the_rows_of_RoBERTa(string configuration, string modelType)
    {
        using var folder = TokenizerFolder.ByteLevel(configuration);
        using var roberta = TokenizerFolder.ByteLevel("{}");
        var (tokenizer, ids) = (folder.Load(modelType), TokenizerFolder.ByteLevelIds());

        CollectionAssert.AreEqual(roberta.Load("roberta").Encode("a", "b", 128).Ids(), tokenizer.Encode("a", "b", 128).Ids());
        Assert.AreEqual((ids["<s>"], ids["</s>"], ids["<mask>"]), (tokenizer.Generation!.Begin, tokenizer.Generation.End, tokenizer.MaskId));
    }

    /// <summary>A written text begins and ends as BERT's texts do; what GPT-2 reads does not end.</summary>
    [TestMethod]
    [DataRow("gpt2", new[] { 2, 5 }, new[] { 2, 5, 3, 6 })]
    [DataRow("bart", new[] { 2, 5, 3 }, new[] { 2, 5, 3, 6, 3 })]
    public void Families_that_write_may_have_word_pieces(string modelType, int[] alone, int[] pair)
    {
        using var folder = TokenizerFolder.WordPiece("""{"tokenizer_class": "BertTokenizer"}""", "a", "b");
        var tokenizer = folder.Load(modelType);

        CollectionAssert.AreEqual(alone, tokenizer.Encode("a", null, 128).Ids());
        CollectionAssert.AreEqual(pair, tokenizer.Encode("a", "b", 128).Ids());
        Assert.AreEqual((2, 3, 3), (tokenizer.Generation!.Begin, tokenizer.Generation.End, tokenizer.SeparatorId));
        Assert.AreEqual("a b", tokenizer.Decode([2, 5, 6, 3]));
        Assert.HasCount(alone.Length - 1, tokenizer.Encode("", null, 128).Tokens);
        Assert.AreEqual((alone.Length - 1, pair.Length - 2), (tokenizer.SpecialTokens(pair: false), tokenizer.SpecialTokens(pair: true)));
    }

    [TestMethod]
    public void Encoders_do_not_generate()
    {
        using var bert = TokenizerFolder.WordPiece("{}");
        using var roberta = TokenizerFolder.ByteLevel("{}");

        Assert.IsNull(bert.Load().Generation);
        Assert.IsNull(roberta.Load("roberta").Generation);
        Assert.AreEqual(1, roberta.Load("roberta").FirstStart);
    }
}
