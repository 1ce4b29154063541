using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class WordPieceTextTokenizerTests
{
    private const string Cased = """{ "do_lower_case": false }""";
    private const string Uncased = """{ "do_lower_case": true }""";
    private const int Unknown = 1;
    private const int FirstPiece = 5;

    [TestMethod]
    public void A_word_is_cut_into_the_longest_pieces_from_the_left()
    {
        using var folder = TokenizerFolder.WordPiece(Cased, "un", "una", "##aff", "##ffa", "##able", "##ble");

        CollectionAssert.AreEqual(new[] { FirstPiece + 1, FirstPiece + 3, FirstPiece + 5 }, folder.Load().Ids("unaffable"));
    }

    [TestMethod]
    public void A_word_that_cannot_be_cut_is_unknown_as_a_whole()
    {
        using var folder = TokenizerFolder.WordPiece(Cased, "un");

        var token = folder.Load().Tokenize(" unable ").Single();

        Assert.AreEqual(new Token(Unknown, 1, 6), token);
    }

    [TestMethod]
    public void A_word_of_a_hundred_characters_beyond_FFFF_is_cut_and_one_of_a_hundred_and_one_is_unknown()
    {
        using var folder = TokenizerFolder.Characters(Cased, "𝐇");
        var hundred = string.Concat(Enumerable.Repeat("𝐇", 100));
        var tokenizer = folder.Load();

        Assert.HasCount(100, tokenizer.Tokenize(hundred));
        Assert.AreEqual(new Token(Unknown, 0, 202), tokenizer.Tokenize(hundred + "𝐇").Single());
    }

    [TestMethod]
    [DataRow("naïve cafe\u0301, Łódź!", "n|a|ï|v|e|c|a|f|e|\u0301|,|Ł|ó|d|ź|!", DisplayName = "accents")]
    [DataRow("北京is中国。", "北|京|i|s|中|国|。", DisplayName = "Chinese")]
    [DataRow("a\0b\u200bc\ufeffd", "a|b|c|d", DisplayName = "control and format characters")]
    [DataRow("x😀y \U00020000z", "x|😀|y|\U00020000|z", DisplayName = "surrogate pairs")]
    [DataRow("\u00a0a\u2009b\u3000c\u2028d\r\n\te ", "a|b|c|d|e", DisplayName = "white space")]
    [DataRow("$3+4=~7^`", "$|3|+|4|=|~|7|^|`", DisplayName = "ASCII symbols")]
    public void Offsets_of_cased_text_give_the_characters_of_each_piece(string text, string surfaces)
    {
        using var folder = TokenizerFolder.Characters(Cased, text);

        CollectionAssert.AreEqual(surfaces.Split('|'), folder.Load().Surfaces(text));
    }

    [TestMethod]
    [DataRow("Café", "C|a|f|é", DisplayName = "composed accent")]
    [DataRow("Cafe\u0301s", "C|a|f|e\u0301|s", DisplayName = "combining accent")]
    [DataRow("İs", "İ|s", DisplayName = "dotted capital I")]
    [DataRow("한", "한|한|한", DisplayName = "a Korean syllable of three letters")]
    [DataRow("\u1EC7", "\u1EC7", DisplayName = "two accents on one letter")]
    public void Offsets_of_uncased_text_give_the_characters_as_they_were(string text, string surfaces)
    {
        using var folder = TokenizerFolder.Characters(Uncased, "cafesi\u1112\u1161\u11ab");

        CollectionAssert.AreEqual(surfaces.Split('|'), folder.Load().Surfaces(text));
    }

    [TestMethod]
    public void Offsets_of_a_whole_word_span_what_was_stripped_inside_and_behind_it()
    {
        using var folder = TokenizerFolder.WordPiece(Uncased, "resume");

        Assert.AreEqual("RE\u0301\u200bSUME\u0301", folder.Load().Surfaces("my RE\u0301\u200bSUME\u0301!")[1]);
    }

    [TestMethod]
    public void Lower_case_without_stripping_accents_keeps_them()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "do_lower_case": true, "strip_accents": false }""", "é", "e", "i\u0307");

        CollectionAssert.AreEqual(new[] { FirstPiece, FirstPiece + 1, FirstPiece + 2 }, folder.Load().Ids("É E İ"));
    }

    [TestMethod]
    public void Stripping_accents_without_lower_case_keeps_capitals()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "do_lower_case": false, "strip_accents": true }""", "E", "e");

        CollectionAssert.AreEqual(new[] { FirstPiece, FirstPiece + 1 }, folder.Load().Ids("É é"));
    }

    [TestMethod]
    public void Chinese_characters_stay_together_where_the_configuration_says_so()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "tokenize_chinese_chars": false }""", "北京");

        CollectionAssert.AreEqual(new[] { FirstPiece }, folder.Load().Ids("北京"));
    }

    [TestMethod]
    public void Special_tokens_written_out_are_plain_text()
    {
        using var folder = TokenizerFolder.WordPiece(Cased, "[", "]", "SEP", "MASK");

        CollectionAssert.AreEqual(
            new[] { FirstPiece, FirstPiece + 2, FirstPiece + 1, FirstPiece, FirstPiece + 3, FirstPiece + 1 }, folder.Load().Ids("[SEP] [MASK]"));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow(" \t\n\u3000")]
    [DataRow("\0\u200b\ufffd")]
    [DataRow("\ud83d")]
    public void A_text_of_nothing_visible_has_no_tokens(string text)
    {
        using var folder = TokenizerFolder.WordPiece(Cased, "a");

        Assert.IsEmpty(folder.Load().Tokenize(text));
    }

    [TestMethod]
    public void A_lone_surrogate_is_left_out()
    {
        using var folder = TokenizerFolder.WordPiece(Cased, "ab");

        Assert.AreEqual(new Token(FirstPiece, 0, 3), folder.Load().Tokenize("a\udc00b").Single());
    }

    [TestMethod]
    [Timeout(60_000)]
    public void A_million_characters_take_linear_time()
    {
        using var folder = TokenizerFolder.Characters(Uncased, "ae!");
        var tokenizer = folder.Load();

        Assert.HasCount(1, tokenizer.Tokenize(new string('a', 1_000_000)));
        Assert.HasCount(1, tokenizer.Tokenize("e" + new string('\u0301', 1_000_000)));
        Assert.HasCount(1_000_000, tokenizer.Tokenize(new string('!', 1_000_000)));
    }

    [TestMethod]
    public void Many_threads_get_the_same_tokens()
    {
        using var folder = TokenizerFolder.Characters(Uncased, "abcdefghijklmnopqrstuvwxyz");
        var tokenizer = folder.Load();
        var texts = Enumerable.Range(0, 500).Select(i => $"Wörd{(char)('a' + i % 26)} ünd x{i} so").ToArray();
        var expected = texts.Select(tokenizer.Tokenize).ToArray();

        var found = texts.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(tokenizer.Tokenize).ToArray();

        for (var i = 0; i < texts.Length; i++)
            CollectionAssert.AreEqual(expected[i].ToArray(), found[i].ToArray());
    }
}
