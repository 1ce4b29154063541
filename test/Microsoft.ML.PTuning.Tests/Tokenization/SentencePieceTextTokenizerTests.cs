using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class SentencePieceTextTokenizerTests
{
    private const string AlbertFile = "spiece.model", XlmRobertaFile = "sentencepiece.bpe.model", DebertaFile = "spm.model";

    [TestMethod]
    public void The_pieces_have_the_greatest_product_of_probabilities()
    {
        // ▁a + bc: -2.6 - 2.5 = -5.1; ▁ + a + bc: -5.5; ▁ + ab + c: -6; ▁a + b + c: -6.6.
        var model = UnigramModelFile.DebertaV2()
            .Add("▁", -1).Add("a", -2).Add("b", -2).Add("c", -2).Add("ab", -3).Add("bc", -2.5f).Add("▁a", -2.6f);
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);

        CollectionAssert.AreEqual(new[] { model.IdOf("▁a"), model.IdOf("bc") }, folder.Load("deberta-v2").Ids("abc"));
    }

    [TestMethod]
    public void No_other_way_to_cut_a_text_has_a_greater_product()
    {
        var random = new Random(1);
        var model = UnigramModelFile.DebertaV2().AddCharacters("ab");
        foreach (var piece in new[] { "▁a", "aa", "ab", "ba", "bb", "aba", "bab", "abba", "▁ab", "▁bab" })
            model.Add(piece, -1 - 3 * random.NextSingle());
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);
        var tokenizer = folder.Load("deberta-v2");

        for (var i = 0; i < 200; i++)
        {
            var word = string.Concat(Enumerable.Range(0, 1 + i % 12).Select(_ => random.Next(2) == 0 ? 'a' : 'b'));
            var found = tokenizer.Ids(word).Sum(id => (double)model.Pieces[id].Score);
            Assert.AreEqual(Best("▁" + word), found, 1e-5, word);
        }

        double Best(string text) => text.Length == 0 ? 0 : model.Pieces
            .Where(piece => piece.Type == PieceType.Normal && text.StartsWith(piece.Text, StringComparison.Ordinal))
            .Max(piece => piece.Score + Best(text[piece.Text.Length..]));
    }

    [TestMethod]
    [DataRow("ab", "|a|b", DisplayName = "the space that is only thought before a text stands for no character")]
    [DataRow("  a   b ", "|a|   |b", DisplayName = "a run of spaces is one, those at both ends are none")]
    [DataRow("a😀🎉 b", "|a|😀🎉| |b", DisplayName = "unknown characters that stand together are one token")]
    [DataRow("a 😀 🎉", "|a| |😀| |🎉", DisplayName = "a space parts unknown characters")]
    [DataRow("HÉe\u0301", "|H|É|e\u0301", DisplayName = "capitals and accents, composed and not")]
    [DataRow("ﬁ½", "|ﬁ|ﬁ|½|½|½", DisplayName = "parts of one character carry all of it")]
    [DataRow("``a'' '", "|``|a|''| |'", DisplayName = "quotes of two characters")]
    [DataRow("a\t\n\u3000\u000bb", "|a|\t\n\u3000\u000b|b", DisplayName = "white space")]
    [DataRow("a\ud83dx", "|a|\ud83d|x", DisplayName = "half a surrogate pair is an unknown character")]
    public void Offsets_give_the_characters_of_each_piece(string text, string surfaces)
    {
        using var folder = TokenizerFolder.SentencePiece(AlbertFile, UnigramModelFile.Albert().AddCharacters("abefhix12\u2044\"'"));

        CollectionAssert.AreEqual(surfaces.Split('|'), folder.Load("albert").Surfaces(text));
    }

    [TestMethod]
    public void Offsets_leave_out_the_space_before_a_word()
    {
        var model = UnigramModelFile.DebertaV2().AddCharacters("ab").Add("▁a", -1).Add("▁b", -1);
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);

        CollectionAssert.AreEqual(
            new[] { new Token(model.IdOf("▁a"), 1, 1), new Token(model.IdOf("▁b"), 5, 1) }, folder.Load("deberta-v2").Tokenize(" a   b").ToArray());
    }

    [TestMethod]
    public void Characters_are_replaced_as_the_model_says_and_keep_their_offsets()
    {
        var map = CharacterMapFile.Write(("\t", " "), ("\u0001", ""), ("e\u0301", "é"), ("ﬁ", "fi"), ("𝐇", "H"));
        var model = new UnigramModelFile { CharacterMap = map }.AddXlmRobertaSpecials().AddCharacters("aéfiH");
        using var folder = TokenizerFolder.SentencePiece(XlmRobertaFile, model);
        var tokenizer = folder.Load("xlm-roberta");
        const string Text = "\u0001\ta\u0001e\u0301\tﬁ𝐇\u0001\t";

        CollectionAssert.AreEqual(
            new[] { "▁", "a", "é", "▁", "f", "i", "H" }.Select(piece => model.IdOf(piece) + 1).ToArray(), tokenizer.Ids(Text));
        CollectionAssert.AreEqual(new[] { "", "a", "e\u0301", "\t", "ﬁ", "ﬁ", "𝐇" }, tokenizer.Surfaces(Text));
    }

    [TestMethod]
    public void A_model_may_keep_spaces_and_put_none_before_the_text()
    {
        var model = new UnigramModelFile { AddDummyPrefix = false, RemoveExtraSpace = false }.AddXlmRobertaSpecials().AddCharacters("a");
        using var folder = TokenizerFolder.SentencePiece(XlmRobertaFile, model);

        CollectionAssert.AreEqual(new[] { "a", " ", " ", "a", " " }, folder.Load("xlm-roberta").Surfaces("a  a "));
    }

    [TestMethod]
    public void A_model_may_leave_spaces_as_they_are()
    {
        var model = new UnigramModelFile { EscapeSpace = false }.AddXlmRobertaSpecials().Add(" a", -1).Add("a", -1);
        using var folder = TokenizerFolder.SentencePiece(XlmRobertaFile, model);

        Assert.AreEqual(model.IdOf(" a") + 1, folder.Load("xlm-roberta").Ids("a").Single());
    }

    [TestMethod]
    public void A_piece_of_the_users_own_is_never_cut_or_replaced()
    {
        var model = new UnigramModelFile { CharacterMap = CharacterMapFile.Write(("X", "x")) }.AddXlmRobertaSpecials()
            .AddCharacters("x").Add("xx", 0).Add("Xx", 0, PieceType.UserDefined);
        using var folder = TokenizerFolder.SentencePiece(XlmRobertaFile, model);

        CollectionAssert.AreEqual(
            new[] { "▁", "x", "Xx", "xx" }.Select(piece => model.IdOf(piece) + 1).ToArray(), folder.Load("xlm-roberta").Ids("XXxXX"));
    }

    [TestMethod]
    [DataRow(PieceType.Control)]
    [DataRow(PieceType.Unused)]
    [DataRow(PieceType.Byte)]
    public void A_piece_that_no_text_has_written_out_is_plain_text(object type)
    {
        var model = UnigramModelFile.DebertaV2().AddCharacters("ab").Add("ab", 0, (PieceType)type);
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);

        CollectionAssert.AreEqual(new[] { "", "a", "b" }, folder.Load("deberta-v2").Surfaces("ab"));
    }

    [TestMethod]
    public void With_byte_fallback_an_unknown_character_is_its_bytes_and_each_carries_all_of_it()
    {
        var model = UnigramModelFile.DebertaV2(byteFallback: true).AddBytes().AddCharacters("a");
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);

        var tokens = folder.Load("deberta-v2").Tokenize("aüü");

        string[] expected = ["▁", "a", "<0xC3>", "<0xBC>", "<0xC3>", "<0xBC>"];
        CollectionAssert.AreEqual(expected.Select(model.IdOf).ToArray(), tokens.Select(token => token.Id).ToArray());
        CollectionAssert.AreEqual(new[] { 0, 0, 1, 1, 2, 2 }, tokens.Select(token => token.Start).ToArray());
    }

    [TestMethod]
    [DataRow("9,x", "▁9|,|x", DisplayName = "at the beginning of a word")]
    [DataRow("x19,", "▁|x|1|9|,", DisplayName = "within a word, where the first piece loses the space it was cut with")]
    [DataRow("x7,", "▁|x|<unk>|,", DisplayName = "within a word, where the piece without its space is none")]
    [DataRow("x,", "▁|x,", DisplayName = "not after a letter")]
    public void Alberts_pieces_do_not_hold_the_comma_behind_a_digit(string text, string pieces)
    {
        var model = UnigramModelFile.Albert()
            .AddCharacters("x,19").Add("▁9,", 0).Add("▁9", 0).Add("19,", 0).Add("▁1", 0).Add("7,", 0).Add("▁7", 0).Add("x,", 0);
        using var folder = TokenizerFolder.SentencePiece(AlbertFile, model);

        CollectionAssert.AreEqual(pieces.Split('|').Select(model.IdOf).ToArray(), folder.Load("albert").Ids(text));
    }

    [TestMethod]
    public void Only_Alberts_pieces_lose_the_comma()
    {
        var model = UnigramModelFile.DebertaV2().AddCharacters("9,").Add("▁9,", 0);
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);

        Assert.AreEqual(model.IdOf("▁9,"), folder.Load("deberta-v2").Ids("9,").Single());
    }

    [TestMethod]
    [DataRow("{}", "hee", DisplayName = "by default in lower case, without accents")]
    [DataRow("""{ "do_lower_case": false }""", "Hee", DisplayName = "with capitals")]
    [DataRow("""{ "keep_accents": true }""", "héé", DisplayName = "with accents")]
    [DataRow("""{ "do_lower_case": false, "keep_accents": true }""", "Héé", DisplayName = "as it is")]
    public void Albert_reads_a_text_as_its_configuration_says(string configuration, string expected)
    {
        var model = UnigramModelFile.Albert().AddCharacters("hHeéÉ");
        using var folder = TokenizerFolder.SentencePiece(AlbertFile, model, configuration);

        CollectionAssert.AreEqual(expected.Select(character => model.IdOf(character.ToString())).ToArray(), folder.Load("albert").Ids("Héé")[1..]);
    }

    [TestMethod]
    [DataRow("{}", "A")]
    [DataRow("""{ "do_lower_case": true }""", "a")]
    public void Deberta_keeps_capitals_unless_its_configuration_says_otherwise(string configuration, string expected)
    {
        var model = UnigramModelFile.DebertaV2().AddCharacters("aA");
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model, configuration);

        Assert.AreEqual(model.IdOf(expected), folder.Load("deberta-v2").Ids("A")[1]);
    }

    [TestMethod]
    [DataRow("")]
    [DataRow(" \t\n\u3000")]
    public void A_text_of_nothing_visible_has_no_tokens(string text)
    {
        using var folder = TokenizerFolder.SentencePiece(AlbertFile, UnigramModelFile.Albert().AddCharacters("a"));

        Assert.IsEmpty(folder.Load("albert").Tokenize(text));
    }

    [TestMethod]
    [Timeout(60_000)]
    public void A_million_characters_take_linear_time()
    {
        using var folder = TokenizerFolder.SentencePiece(AlbertFile, UnigramModelFile.Albert().AddCharacters("ae1,").Add("aaaa", -1).Add("1,", 0));
        var tokenizer = folder.Load("albert");

        Assert.HasCount(250_001, tokenizer.Tokenize(new string('a', 1_000_000)));
        Assert.HasCount(2, tokenizer.Tokenize(new string('北', 1_000_000)));
        Assert.HasCount(2, tokenizer.Tokenize("a" + new string(' ', 1_000_000)));
        Assert.HasCount(2, tokenizer.Tokenize("e" + new string('\u0301', 1_000_000)));
        Assert.HasCount(1_000_001, tokenizer.Tokenize(string.Concat(Enumerable.Repeat("1,", 500_000))));
    }

    [TestMethod]
    public void Many_threads_get_the_same_tokens()
    {
        using var folder = TokenizerFolder.SentencePiece(AlbertFile, UnigramModelFile.Albert().AddCharacters("abcdefgh").Add("▁ab", -1));
        var tokenizer = folder.Load("albert");
        var texts = Enumerable.Range(0, 1000).Select(i => $"abcd {(char)('a' + i % 8)} é{i} 😀h").ToArray();
        var expected = texts.Select(tokenizer.Tokenize).ToArray();

        var found = texts.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(tokenizer.Tokenize).ToArray();

        for (var i = 0; i < texts.Length; i++)
            CollectionAssert.AreEqual(expected[i].ToArray(), found[i].ToArray());
    }
}
