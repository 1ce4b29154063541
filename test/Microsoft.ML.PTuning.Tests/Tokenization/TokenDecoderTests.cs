using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class TokenDecoderTests
{
    private static readonly string SentencePieces = Path.Combine(AppContext.BaseDirectory, "golden", "sentencepiece");

    [TestMethod]
    public void Byte_level_BPE_gives_back_every_text()
    {
        var tokenizer = Published("roberta-base", "roberta");

        foreach (var text in GoldenTexts.Of("roberta-base"))
        {
            Assert.AreEqual(text, tokenizer.Decode(tokenizer.Ids(text)));
            Assert.AreEqual(text, tokenizer.Decode(tokenizer.Encode(text, null, 512).Ids()), "Special tokens stand for no text.");
        }
    }

    [TestMethod]
    [DataRow("bert-base-uncased", "bert")]
    [DataRow("bert-base-cased", "bert")]
    [DataRow("roberta-base", "roberta")]
    public void Ids_have_the_text_of_the_reference(string name, string modelType)
    {
        var tokenizer = Published(name, modelType);

        foreach (var (text, ids) in GoldenTexts.Decoded(name))
            Assert.AreEqual(text, tokenizer.Decode(ids), string.Join(' ', ids));
    }

    [TestMethod]
    public void Ids_of_GPT_2_have_the_text_of_the_reference()
    {
        using var folder = TokenizerFolder.PublishedGpt2();
        var tokenizer = folder.Load("gpt2");

        foreach (var (text, ids) in GoldenTexts.Decoded("gpt2"))
            Assert.AreEqual(text, tokenizer.Decode(ids), string.Join(' ', ids));
    }

    [TestMethod]
    public void A_character_comes_with_its_last_byte()
    {
        using var folder = TokenizerFolder.Gpt2("{}");
        var tokenizer = folder.Load("gpt2");

        var decoder = tokenizer.OpenDecoder();
        string[] parts = [.. tokenizer.Ids("é🎉!").Select(decoder.Add), decoder.Finish()];

        Assert.AreEqual("|é||||🎉|!|", string.Join('|', parts));
    }

    /// <summary>What Python's <c>bytes.decode("utf-8", errors="replace")</c> gives.</summary>
    [TestMethod]
    [DataRow("f09f98", "\ufffd")]
    [DataRow("f09f9841", "\ufffdA")]
    [DataRow("41e4bd", "A\ufffd")]
    [DataRow("9fc3a9", "\ufffdé")]
    [DataRow("eda080", "\ufffd\ufffd\ufffd")]
    [DataRow("c0af", "\ufffd\ufffd")]
    [DataRow("f0f0909080", "\ufffd\U00010400")]
    [DataRow("fffe", "\ufffd\ufffd")]
    public void Bytes_that_are_no_UTF_8_are_replaced(string bytes, string text)
    {
        using var folder = TokenizerFolder.Gpt2("{}");
        var ids = Convert.FromHexString(bytes).Select(value => TokenizerFolder.Gpt2Ids()[ByteSymbols.Of[value].ToString()]).ToArray();

        Assert.AreEqual(text, folder.Load("gpt2").Decode(ids));
    }

    [TestMethod]
    public void Special_tokens_and_ids_without_a_token_stand_for_no_text()
    {
        using var gpt2 = TokenizerFolder.Gpt2("{}");
        using var bert = TokenizerFolder.WordPiece("{}", "a", "##b");
        var end = TokenizerFolder.Gpt2Ids()["<|endoftext|>"];

        Assert.AreEqual("é", gpt2.Load("gpt2").Decode([end, 99_999, gpt2.Load("gpt2").Ids("é")[0], end, -1, gpt2.Load("gpt2").Ids("é")[1]]));
        Assert.AreEqual("ab", bert.Load().Decode([0, 2, 5, 4, 6, 1, 3, 7, -1]));
    }

    [TestMethod]
    [DataRow("don't", "it's Ann's: \"they've, we're, I'm, can't\" ok ?")]
    [DataRow("hello, world!", "Hello , world !")]
    [DataRow("a' b ' '", "a ' ' b")]
    public void Words_are_cleaned_up_as_in_transformers(string first, string second)
    {
        var text = first + " " + second;
        using var folder = TokenizerFolder.Characters("{}", text.Replace(" ", "").ToLowerInvariant());
        var tokenizer = folder.Load();
        var ids = tokenizer.Ids(text);

        Assert.AreEqual(CleanedUp(tokenizer, ids), tokenizer.Decode(ids));
    }

    [TestMethod]
    [DataRow("bert-base-uncased")]
    [DataRow("bert-base-cased")]
    public void Words_of_published_vocabularies_are_cleaned_up_as_in_transformers(string name)
    {
        var tokenizer = Published(name, "bert");

        foreach (var text in GoldenTexts.Of(name))
            Assert.AreEqual(CleanedUp(tokenizer, tokenizer.Ids(text)), tokenizer.Decode(tokenizer.Encode(text, null, 512).Ids()), text);
    }

    [TestMethod]
    public void A_text_that_was_clean_comes_back_from_WordPiece()
    {
        const string Text = "Preprocessing isn't unaffable, they've said. Why? I'm sure you're not!";

        Assert.AreEqual(Text.ToLowerInvariant(), Published("bert-base-uncased", "bert").Decode(Published("bert-base-uncased", "bert").Ids(Text)));
    }

    [TestMethod]
    public void Nothing_is_cleaned_up_if_the_settings_say_so()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "clean_up_tokenization_spaces": false }""", "a", ",", ".");

        Assert.AreEqual("a , a .", folder.Load().Decode(folder.Load().Ids("a, a.")));
    }

    [TestMethod]
    public void A_word_of_WordPiece_comes_when_the_next_begins()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "do", "##g", "n", "'", "t", "x");
        var decoder = folder.Load().OpenDecoder();

        string[] parts = [.. folder.Load().Ids("dog do n't x").Select(decoder.Add), decoder.Finish()];

        Assert.AreEqual("||dog| do|||n't| x", string.Join('|', parts));
    }

    [TestMethod]
    [DataRow("plain")]
    [DataRow("bytes")]
    public void Ids_have_the_text_of_SentencePiece(string model) => Compare(model, TextTokenizer.Load(Path.Combine(SentencePieces, model), "deberta-v2"));

    [TestMethod]
    public void Ids_of_a_published_model_have_the_text_of_SentencePiece() => Compare("albert-base-v2", Published("albert-base-v2", "albert"));

    [TestMethod]
    public void Text_comes_back_from_SentencePiece()
    {
        var tokenizer = TextTokenizer.Load(Path.Combine(SentencePieces, "bytes"), "deberta-v2");
        const string Text = "den de é🎉 0.5 = x";

        Assert.AreEqual(Text, tokenizer.Decode(tokenizer.Encode(Text, null, 128).Ids()));
    }

    [TestMethod]
    public void XLM_R_numbers_its_pieces_from_one()
    {
        using var folder = TokenizerFolder.SentencePiece("sentencepiece.bpe.model", UnigramModelFile.XlmRoberta().AddCharacters("abc"));
        var tokenizer = folder.Load("xlm-roberta");

        Assert.AreEqual("cab a", tokenizer.Decode(tokenizer.Encode("cab a", null, 128).Ids()));
    }

    private static void Compare(string model, TextTokenizer tokenizer)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(SentencePieces, "decoded.json")));
        foreach (var one in file.RootElement.GetProperty(model).EnumerateArray())
        {
            var ids = one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
            Assert.AreEqual(one.GetProperty("text").GetString(), tokenizer.Decode(ids), string.Join(' ', ids));
        }
    }

    /// <summary>The steps of transformers' slow tokenizers over the whole text.</summary>
    private static string CleanedUp(TextTokenizer tokenizer, int[] ids)
    {
        var words = ids.Where(id => id != tokenizer.UnknownId).Select(id => tokenizer.TokenOf(id)!);
        var text = new StringBuilder(string.Join(' ', words).Replace(" ##", ""));
        foreach (var end in new[] { ".", "?", "!", "," })
            text.Replace(" " + end, end);
        text.Replace(" ' ", "'");
        foreach (var end in new[] { "n't", "'m", "'s", "'ve", "'re" })
            text.Replace(" " + end, end);
        return text.ToString();
    }

    private static TextTokenizer Published(string name, string modelType) => GoldenFiles.Tokenizers is { } folder
        ? TextTokenizer.Load(Path.Combine(folder, name), modelType)
        : throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");
}
