using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class TokenizerLoadTests
{
    private const int FirstPiece = 5;

    [TestMethod]
    public void A_vocabulary_with_capitals_is_cased_where_no_file_says_so()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "Hello", "hello");
        folder.Delete("tokenizer_config.json");

        CollectionAssert.AreEqual(new[] { FirstPiece }, folder.Load().Ids("Hello"));
    }

    [TestMethod]
    public void A_vocabulary_without_capitals_is_uncased_where_no_file_says_so()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "hello");
        folder.Delete("tokenizer_config.json");

        CollectionAssert.AreEqual(new[] { FirstPiece }, folder.Load().Ids("Hélló"));
    }

    [TestMethod]
    public void The_configuration_counts_more_than_the_look_of_the_vocabulary()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "do_lower_case": true }""", "Hello", "hello");

        CollectionAssert.AreEqual(new[] { FirstPiece + 1 }, folder.Load().Ids("Hello"));
    }

    [TestMethod]
    public void Files_are_those_that_were_read()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        folder.Write("README.md", "a model");

        CollectionAssert.AreEquivalent(
            new[] { Path.Combine(folder.Path, "vocab.txt"), Path.Combine(folder.Path, "tokenizer_config.json") }, folder.Load().Files.ToArray());
    }

    [TestMethod]
    public void Files_of_byte_level_BPE_are_vocabulary_merges_and_configuration()
    {
        using var folder = TokenizerFolder.ByteLevel("{}");

        CollectionAssert.AreEquivalent(
            new[] { "vocab.json", "merges.txt", "tokenizer_config.json" }, folder.Load("roberta").Files.Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void Windows_line_ends_and_a_byte_order_mark_make_no_difference()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");
        folder.Write("vocab.txt", "\ufeff" + string.Join("\r\n", [.. TokenizerFolder.BertTokens, "a", "b"]) + "\r\n");

        CollectionAssert.AreEqual(new[] { 2, FirstPiece, FirstPiece + 1, 3 }, folder.Load().Encode("a b", null, 9).Ids());
    }

    [TestMethod]
    public void A_token_that_stands_twice_has_its_last_id()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b", "a");

        CollectionAssert.AreEqual(new[] { FirstPiece + 2, FirstPiece + 1 }, folder.Load().Ids("a b"));
    }

    [TestMethod]
    public void The_size_of_the_vocabulary_counts_every_line()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "", "b");

        Assert.AreEqual(8, folder.Load().VocabularySize);
    }

    [TestMethod]
    public void Special_tokens_may_have_other_names()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "cls_token": "a", "sep_token": { "content": "b" } }""", "a", "b");

        CollectionAssert.AreEqual(new[] { FirstPiece, FirstPiece + 1 }, folder.Load().Encode("", null, 9).Ids());
    }

    [TestMethod]
    public void WordPiece_is_read_from_tokenizer_json_where_there_is_no_vocabulary_file()
    {
        using var folder = new TokenizerFolder();
        var vocabulary = TokenizerFolder.BertTokens.Append("Hello").Append("hello").Select((token, id) => (token, id)).ToDictionary(e => e.token, e => e.id);
        const string Normalizer = """{ "type": "BertNormalizer", "lowercase": true }""";
        folder.Write("tokenizer.json", Fast("WordPiece", vocabulary, Normalizer, """{ "type": "BertPreTokenizer" }"""));

        CollectionAssert.AreEqual(new[] { FirstPiece + 1 }, folder.Load().Ids("Hello"));
    }

    [TestMethod]
    [DataRow("""[["a", "b"]]""", DisplayName = "merges as lists")]
    [DataRow("""["a b"]""", DisplayName = "merges as strings")]
    public void Byte_level_BPE_is_read_from_tokenizer_json_where_there_is_no_vocabulary_file(string merges)
    {
        using var folder = new TokenizerFolder();
        var vocabulary = TokenizerFolder.ByteLevelIds("a b");
        folder.Write("tokenizer.json", Fast("BPE", vocabulary, "null", """{ "type": "ByteLevel", "add_prefix_space": false }""", merges));

        CollectionAssert.AreEqual(new[] { vocabulary["ab"] }, folder.Load("roberta").Ids("ab"));
    }

    [TestMethod]
    public void Real_files_of_both_forms_give_the_same_ids()
    {
        if (GoldenFiles.Tokenizers is not string tokenizers)
            throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");

        using var folder = new TokenizerFolder();
        File.Copy(Path.Combine(tokenizers, "roberta-base", "tokenizer.json"), Path.Combine(folder.Path, "tokenizer.json"));
        const string Text = "It's a naïve test 😀 of   both forms, <s> 北京.";

        var separate = TextTokenizer.Load(Path.Combine(tokenizers, "roberta-base"), "roberta");

        CollectionAssert.AreEqual(separate.Encode(Text, null, 99).Ids(), folder.Load("roberta").Encode(Text, null, 99).Ids());
    }

    [TestMethod]
    public void A_missing_directory_is_named()
    {
        var refused = Assert.ThrowsExactly<DirectoryNotFoundException>(() => TextTokenizer.Load("no-such-backbone", "bert"));

        StringAssert.Contains(refused.Message, Path.GetFullPath("no-such-backbone"));
    }

    [TestMethod]
    public void A_directory_without_a_vocabulary_names_what_was_looked_for()
    {
        using var folder = new TokenizerFolder();

        var refused = Assert.ThrowsExactly<FileNotFoundException>(() => folder.Load());

        foreach (var name in new[] { folder.Path, "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model", "tokenizer.json" })
            StringAssert.Contains(refused.Message, name);
    }

    [TestMethod]
    [DataRow("vocab.json")]
    [DataRow("merges.txt")]
    public void Half_of_byte_level_BPE_names_the_other_half(string missing)
    {
        using var folder = TokenizerFolder.ByteLevel("{}");
        folder.Delete(missing);

        var refused = Assert.ThrowsExactly<FileNotFoundException>(() => folder.Load("roberta"));

        Assert.AreEqual(Path.Combine(folder.Path, missing), refused.FileName);
    }

    [TestMethod]
    public void A_decoders_tokenizer_is_refused_by_name()
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.model", "");

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("llama")).Message, "tokenizer.model");
    }

    [TestMethod]
    [DataRow("distilbert", "DistilBertTokenizer")]
    [DataRow("electra", "ElectraTokenizerFast")]
    public void DistilBert_and_Electra_read_a_text_as_Bert_does(string modelType, string tokenizerClass)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");
        var expected = folder.Load("bert").Encode("a", "b", 9);

        CollectionAssert.AreEqual(expected.Ids(), folder.Load(modelType).Encode("a", "b", 9).Ids());
        folder.Write("tokenizer_config.json", $$"""{ "tokenizer_class": "{{tokenizerClass}}" }""");
        CollectionAssert.AreEqual(expected.Segments, folder.Load(modelType).Encode("a", "b", 9).Segments);
    }

    [TestMethod]
    [DataRow("{}", "deberta")]
    [DataRow("""{ "tokenizer_class": "DebertaTokenizer" }""", "bert")]
    [DataRow("""{ "tokenizer_class": "DebertaTokenizerFast" }""", "deberta")]
    public void Deberta_has_byte_level_BPE_between_the_special_tokens_of_Bert(string configuration, string modelType)
    {
        using var folder = TokenizerFolder.ByteLevel(configuration);
        var ids = TokenizerFolder.ByteLevelIds();
        var (classification, separator, pad) = (ids.Count, ids.Count + 1, ids.Count + 2);
        (ids["[CLS]"], ids["[SEP]"], ids["[PAD]"]) = (classification, separator, pad);
        folder.Write("vocab.json", JsonSerializer.Serialize(ids));

        var tokenizer = folder.Load(modelType);
        var encoded = tokenizer.Encode("a", "b", 9);

        CollectionAssert.AreEqual(new[] { classification, ids["a"], separator, ids["b"], separator }, encoded.Ids());
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 1, 1 }, encoded.Segments);
        Assert.AreEqual(pad, tokenizer.PadId);
    }

    [TestMethod]
    public void Another_tokenizer_class_is_refused_by_name()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "tokenizer_class": "MPNetTokenizer" }""", "a");

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load()).Message, "MPNetTokenizer");
    }

    [TestMethod]
    public void A_tokenizer_class_and_files_of_another_kind_contradict_each_other()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "tokenizer_class": "RobertaTokenizer" }""", "a");

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load()).Message, "RobertaTokenizer");
    }

    [TestMethod]
    public void Vocabularies_of_both_kinds_contradict_each_other()
    {
        using var folder = TokenizerFolder.ByteLevel("{}");
        folder.Write("vocab.txt", "[UNK]");

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load()).Message, "tokenizer_class");
    }

    [TestMethod]
    public void The_tokenizer_class_decides_between_vocabularies_of_both_kinds()
    {
        using var folder = TokenizerFolder.ByteLevel("""{ "tokenizer_class": "RobertaTokenizerFast" }""");
        folder.Write("vocab.txt", "[UNK]");

        Assert.AreEqual(TokenizerFolder.ByteLevelIds().Count, folder.Load("roberta").VocabularySize);
    }

    [TestMethod]
    [DataRow("[CLS]", "cls_token")]
    [DataRow("[SEP]", "sep_token")]
    [DataRow("[PAD]", "pad_token")]
    [DataRow("[UNK]", "unknown token")]
    public void A_vocabulary_without_a_special_token_names_it(string token, string role)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var path = folder.Write("vocab.txt", string.Join('\n', TokenizerFolder.BertTokens.Where(special => special != token)));

        var refused = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load());

        foreach (var part in new[] { path, token, role })
            StringAssert.Contains(refused.Message, part);
    }

    [TestMethod]
    [DataRow("vocab.txt", "", DisplayName = "an empty vocabulary")]
    [DataRow("tokenizer_config.json", "{", DisplayName = "a configuration cut short")]
    [DataRow("tokenizer_config.json", "[]", DisplayName = "a configuration that is no object")]
    [DataRow("tokenizer_config.json", """{ "do_lower_case": "no" }""", DisplayName = "a flag that is neither true nor false")]
    [DataRow("tokenizer_config.json", """{ "cls_token": 3 }""", DisplayName = "a token that is no string")]
    public void A_damaged_WordPiece_file_is_named(string name, string content)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var path = folder.Write(name, content);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load()).Message, path);
    }

    [TestMethod]
    public void A_vocabulary_that_is_not_UTF_8_is_named()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var path = Path.Combine(folder.Path, "vocab.txt");
        File.WriteAllBytes(path, [0xFF, 0xFE, 0x00, 0xC3, 0x28]);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load()).Message, path);
    }

    [TestMethod]
    [DataRow("vocab.json", "[]", DisplayName = "a vocabulary that is no object")]
    [DataRow("vocab.json", "{}", DisplayName = "an empty vocabulary")]
    [DataRow("vocab.json", """{ "a": "1" }""", DisplayName = "an id that is no number")]
    [DataRow("vocab.json", """{ "a": -1 }""", DisplayName = "a negative id")]
    [DataRow("vocab.json", """{ "a": 2000000000 }""", DisplayName = "an id beyond any vocabulary")]
    [DataRow("vocab.json", """{ "a": 1, "b": 1 }""", DisplayName = "an id that stands twice")]
    [DataRow("vocab.json", """{ "a": 1, "a": 2 }""", DisplayName = "a token that stands twice")]
    [DataRow("vocab.json", """{ "\ud800": 1 }""", DisplayName = "half a surrogate pair")]
    [DataRow("vocab.json", """{ "<s>": 0, "<pad>": 1, "</s>": 2 }""", DisplayName = "a vocabulary without bytes")]
    [DataRow("merges.txt", "a b c", DisplayName = "a merge of three")]
    [DataRow("merges.txt", "a b", DisplayName = "a merge whose result is not in the vocabulary")]
    public void A_damaged_byte_level_BPE_file_is_named(string name, string content)
    {
        using var folder = TokenizerFolder.ByteLevel("{}");
        var path = folder.Write(name, content);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("roberta")).Message, path);
    }

    [TestMethod]
    public void A_merge_that_stands_twice_is_refused()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", "a b");
        folder.Write("merges.txt", "a b\na b\n");

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("roberta")).Message, "merge 2, 'a b', stands there twice");
    }

    [TestMethod]
    public void An_added_word_is_refused()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "added_tokens_decoder": { "6": { "content": "covid", "special": false } } }""", "a");

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load()).Message, "covid");
    }

    [TestMethod]
    public void Another_normalizer_in_tokenizer_json_is_refused()
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", Fast("WordPiece", new() { ["[UNK]"] = 0 }, """{ "type": "NFKC" }""", "null"));

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load()).Message, "NFKC");
    }

    private static string Fast(string type, Dictionary<string, int> vocabulary, string normalizer, string preTokenizer, string merges = "[]") => $$"""
        {
          "normalizer": {{normalizer}},
          "pre_tokenizer": {{preTokenizer}},
          "model": { "type": "{{type}}", "vocab": {{JsonSerializer.Serialize(vocabulary)}}, "merges": {{merges}} }
        }
        """;
}
