using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class SentenceWordsTests
{
    [TestMethod]
    public void Chinese_characters_are_words_of_their_own_where_punctuation_is_apart() =>
        CollectionAssert.AreEqual(
            new[] { "小", "明", "住", "在", "NY", "。", "OK" },
            SentenceWords.Split("小明住在NY。OK", WordSource.PunctuationApart).Select(w => "小明住在NY。OK"[w.Start..w.End]).ToArray());

    [TestMethod]
    public void White_space_ends_words() => AssertSplit("  Anna's\tdog\u00A0is\n\nhere ", WordSource.WhiteSpace, "Anna's", "dog", "is", "here");

    [TestMethod]
    public void Punctuation_marks_are_words_apart() =>
        AssertSplit("Dr. O'Neil, 5 € (new)…", WordSource.PunctuationApart, "Dr", ".", "O", "'", "Neil", ",", "5", "€", "(", "new", ")", "…");

    [TestMethod]
    [DataRow("")]
    [DataRow(" \t\n")]
    public void Blank_text_has_no_words(string text)
    {
        AssertSplit(text, WordSource.WhiteSpace);
        AssertSplit(text, WordSource.PunctuationApart);
    }

    [TestMethod]
    public void Given_words_stand_in_the_text_that_joins_them_by_a_space()
    {
        using var folder = TokenizerFolder.Characters("{}", "abc");

        var sentence = SentenceWords.Of(["ab", "", "c"], folder.Load());

        CollectionAssert.AreEqual(new Word[] { new(0, 2), new(3, 3), new(4, 5) }, sentence.Words.ToArray());
        AssertCounts([2, 0, 1], sentence);
    }

    [TestMethod]
    public void Pieces_of_a_text_belong_to_their_words()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "un", "##hug", "##s", "hug", ".");

        var sentence = SentenceWords.Of(" unhugs  hug.", WordSource.PunctuationApart, folder.Load());

        CollectionAssert.AreEqual(new[] { 5, 6, 7 }, Ids(sentence, 0));
        CollectionAssert.AreEqual(new[] { 8 }, Ids(sentence, 1));
        CollectionAssert.AreEqual(new[] { 9 }, Ids(sentence, 2));
    }

    [TestMethod]
    public void Word_in_which_the_tokenizer_sees_nothing_has_no_tokens()
    {
        using var folder = TokenizerFolder.Characters("{}", "ab");

        AssertCounts([1, 0, 1], SentenceWords.Of("a \u0001 b", WordSource.WhiteSpace, folder.Load()));
        AssertCounts([1, 0, 1], SentenceWords.Of("a \u0001 b", WordSource.PunctuationApart, folder.Load()));
        AssertCounts([0, 1], SentenceWords.Of(["\u0001", "b"], folder.Load()));
    }

    [TestMethod]
    public void Byte_level_words_are_given_as_after_a_space()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", "Ġ a");
        var ids = TokenizerFolder.ByteLevelIds("Ġ a");

        CollectionAssert.AreEqual(new[] { ids["Ġa"] }, Ids(SentenceWords.Of(["a"], folder.Load("roberta")), 0));
        CollectionAssert.AreEqual(new[] { ids["a"] }, Ids(SentenceWords.Of("a", WordSource.WhiteSpace, folder.Load("roberta")), 0));
    }

    [TestMethod]
    public void Words_that_share_a_token_are_tokenised_one_by_one()
    {
        string[] merges = ["' s", "Ġ '"];
        using var folder = TokenizerFolder.ByteLevel("{}", merges);
        var ids = TokenizerFolder.ByteLevelIds(merges);

        var sentence = SentenceWords.Of("a's b", WordSource.PunctuationApart, folder.Load("roberta")); // One token: 's

        CollectionAssert.AreEqual(new[] { ids["a"] }, Ids(sentence, 0));
        CollectionAssert.AreEqual(new[] { ids["Ġ'"] }, Ids(sentence, 1));
        CollectionAssert.AreEqual(new[] { ids["Ġ"], ids["s"] }, Ids(sentence, 2));
        CollectionAssert.AreEqual(new[] { ids["Ġ"], ids["b"] }, Ids(sentence, 3));
    }

    [TestMethod]
    public void Space_that_is_a_token_belongs_to_the_word_behind_it()
    {
        using var folder = TokenizerFolder.SentencePiece("spiece.model", UnigramModelFile.Albert().AddCharacters("ab"));
        var tokenizer = folder.Load("albert");

        var sentence = SentenceWords.Of("a b", WordSource.WhiteSpace, tokenizer);

        CollectionAssert.AreEqual(tokenizer.TokenizeWord("a").Select(t => t.Id).ToArray(), Ids(sentence, 0));
        CollectionAssert.AreEqual(tokenizer.TokenizeWord("b").Select(t => t.Id).ToArray(), Ids(sentence, 1));
    }

    [TestMethod]
    [DataRow("bert-base-cased", "bert")]
    [DataRow("roberta-base", "roberta")]
    [DataRow("albert-base-v2", "albert")]
    public void Words_of_a_text_have_all_its_tokens_in_order(string vocabulary, string modelType)
    {
        const string Text = "Angela's café (in 北京, 1998) opened 😀 at St. Paul's …";
        var tokenizer = Load(vocabulary, modelType);

        var sentence = SentenceWords.Of(Text, WordSource.WhiteSpace, tokenizer);

        CollectionAssert.AreEqual(tokenizer.Ids(Text), sentence.Tokens.SelectMany(t => t).Select(t => t.Id).ToArray());
    }

    [TestMethod]
    [DataRow("bert-base-cased", "bert")]
    [DataRow("roberta-base", "roberta")]
    [DataRow("albert-base-v2", "albert")]
    public void Every_visible_word_of_a_text_has_a_token(string vocabulary, string modelType)
    {
        const string Text = "\"Yahoo!),\" McDonald's said... they'll (re-)open; U.S.)?! 10,000 --";
        var tokenizer = Load(vocabulary, modelType);

        var sentence = SentenceWords.Of(Text, WordSource.PunctuationApart, tokenizer);

        Assert.AreEqual(Text.Replace(" ", ""), string.Concat(sentence.Words.Select(w => Text[w.Start..w.End])));
        Assert.IsTrue(sentence.Tokens.All(t => t.Count > 0));
    }

    private static TextTokenizer Load(string vocabulary, string modelType)
    {
        var folder = Path.Combine(GoldenFiles.Tokenizers ?? "", vocabulary);
        return Directory.Exists(folder)
            ? TextTokenizer.Load(folder, modelType)
            : throw new AssertInconclusiveException($"Needs the vocabulary '{vocabulary}'; PTUNING_TOKENIZERS names no folder that has it.");
    }

    private static void AssertSplit(string text, WordSource source, params string[] words) =>
        CollectionAssert.AreEqual(words, SentenceWords.Split(text, source).Select(w => text[w.Start..w.End]).ToArray());

    private static void AssertCounts(int[] counts, SentenceWords sentence) =>
        CollectionAssert.AreEqual(counts, sentence.Tokens.Select(t => t.Count).ToArray());

    private static int[] Ids(SentenceWords sentence, int word) => [.. sentence.Tokens[word].Select(t => t.Id)];
}
