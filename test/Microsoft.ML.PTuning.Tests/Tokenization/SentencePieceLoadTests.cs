using System.Text;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class SentencePieceLoadTests
{
    private const string AlbertFile = "spiece.model", XlmRobertaFile = "sentencepiece.bpe.model", DebertaFile = "spm.model";

    private static UnigramModelFile Small(UnigramModelFile model) => model.Add("▁a", -1).Add("▁b", -1);

    private static TokenizerFolder Albert(string configuration = "{}") =>
        TokenizerFolder.SentencePiece(AlbertFile, Small(UnigramModelFile.Albert()), configuration);

    private static TokenizerFolder XlmRoberta() => TokenizerFolder.SentencePiece(XlmRobertaFile, Small(UnigramModelFile.XlmRoberta()));

    private static TokenizerFolder DebertaV2(string configuration = "{}") =>
        TokenizerFolder.SentencePiece(DebertaFile, Small(UnigramModelFile.DebertaV2()), configuration);

    [TestMethod]
    public void Albert_takes_ids_from_its_model_and_tells_segments_apart()
    {
        using var folder = Albert();
        const int Classification = 2, Separator = 3, A = 5, B = 6;

        var encoded = folder.Load("albert").Encode("a a", "b", 128);

        CollectionAssert.AreEqual(new[] { Classification, A, A, Separator, B, Separator }, encoded.Ids());
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 1, 1 }, encoded.Segments);
    }

    [TestMethod]
    public void XlmRoberta_moves_its_models_ids_by_one_and_has_one_segment()
    {
        using var folder = XlmRoberta();
        const int Classification = 0, Separator = 2, Unknown = 3, A = 3 + 1, B = 4 + 1;

        var encoded = folder.Load("xlm-roberta").Encode("a北", "b", 128);

        CollectionAssert.AreEqual(new[] { Classification, A, Unknown, Separator, Separator, B, Separator }, encoded.Ids());
        CollectionAssert.AreEqual(new int[7], encoded.Segments);
        Assert.AreEqual(5, encoded.SecondStart);
    }

    [TestMethod]
    public void DebertaV2_takes_ids_from_its_model_and_tells_segments_apart()
    {
        using var folder = DebertaV2();
        const int Classification = 1, Separator = 2, Unknown = 3, A = 4, B = 5;

        var encoded = folder.Load("deberta-v2").Encode("a北", "b", 128);

        CollectionAssert.AreEqual(new[] { Classification, A, Unknown, Separator, B, Separator }, encoded.Ids());
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 1, 1 }, encoded.Segments);
    }

    [TestMethod]
    public void Padding_and_separator_have_their_familys_ids()
    {
        using var albert = Albert();
        using var xlmRoberta = XlmRoberta();
        using var deberta = DebertaV2();

        Assert.AreEqual((0, 3), Ids(albert.Load("albert")));
        Assert.AreEqual((1, 2), Ids(xlmRoberta.Load("xlm-roberta")));
        Assert.AreEqual((0, 2), Ids(deberta.Load("deberta-v2")));

        static (int, int) Ids(TextTokenizer tokenizer) => (tokenizer.PadId, tokenizer.SeparatorId);
    }

    [TestMethod]
    public void The_size_of_the_vocabulary_counts_what_the_family_adds_to_its_model()
    {
        using var albert = Albert();
        using var xlmRoberta = XlmRoberta();

        Assert.AreEqual(7, albert.Load("albert").VocabularySize);
        Assert.AreEqual(5 + 2, xlmRoberta.Load("xlm-roberta").VocabularySize);
    }

    [TestMethod]
    [DataRow("XLMRobertaTokenizer")]
    [DataRow("XLMRobertaTokenizerFast")]
    public void The_tokenizer_class_counts_more_than_the_models_type(string tokenizerClass)
    {
        using var folder = XlmRoberta();
        folder.Write("tokenizer_config.json", $$"""{ "tokenizer_class": "{{tokenizerClass}}" }""");

        Assert.AreEqual(1, folder.Load("albert").PadId);
    }

    [TestMethod]
    [DataRow("AlbertTokenizer", "albert")]
    [DataRow("DebertaV2Tokenizer", "deberta-v2")]
    public void Slow_and_fast_classes_load_alike(string tokenizerClass, string modelType)
    {
        foreach (var suffix in new[] { "", "Fast" })
        {
            var configuration = $$"""{ "tokenizer_class": "{{tokenizerClass}}{{suffix}}" }""";
            using var folder = modelType == "albert" ? Albert(configuration) : DebertaV2(configuration);

            CollectionAssert.AreEqual(folder.Load(modelType).Ids("a b"), folder.Load("bert").Ids("a b"));
        }
    }

    [TestMethod]
    public void Files_are_the_model_and_the_configuration()
    {
        using var folder = DebertaV2();
        folder.Write("tokenizer.json", "not read");

        string[] expected = [DebertaFile, "tokenizer_config.json"];
        CollectionAssert.AreEquivalent(expected, folder.Load("deberta-v2").Files.Select(Path.GetFileName).ToArray());
        CollectionAssert.AreEquivalent(expected, TextTokenizer.FilesOf(folder.Path).ToArray());
    }

    [TestMethod]
    public void Special_tokens_may_have_other_names()
    {
        using var folder = Albert("""{ "cls_token": "[MASK]" }""");

        Assert.AreEqual(4, folder.Load("albert").Encode("", null, 9).Ids()[0]);
    }

    [TestMethod]
    [DataRow(2, "BPE")]
    [DataRow(3, "word")]
    [DataRow(4, "character")]
    public void A_model_of_another_kind_is_refused_by_name(int type, string name)
    {
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, new UnigramModelFile { ModelType = type }.Add("<unk>", 0, PieceType.Unknown));

        var refused = Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("deberta-v2"));

        foreach (var part in new[] { DebertaFile, $"the {name} kind" })
            StringAssert.Contains(refused.Message, part);
    }

    [TestMethod]
    public void A_model_with_spaces_behind_words_is_refused()
    {
        var model = new UnigramModelFile { SpaceBehindWords = true }.Add("<unk>", 0, PieceType.Unknown);
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, model);

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("deberta-v2")).Message, "treat_whitespace_as_suffix");
    }

    [TestMethod]
    public void A_file_that_is_no_model_is_named()
    {
        var pointer = "version https://git-lfs.github.com/spec/v1\n"u8.ToArray();
        foreach (var bytes in new[] { [], pointer, [0x0A], [0xFF, 0xFF], [0x0A, 0x02, 0x15, 0x00] })
            AssertDamaged(bytes, "expected a SentencePiece model");
    }

    [TestMethod]
    public void A_model_cut_short_anywhere_is_refused()
    {
        var whole = Small(UnigramModelFile.Albert()).ToArray();

        for (var length = 0; length < whole.Length; length++)
            AssertDamaged(whole[..length], "expected a SentencePiece model");
    }

    [TestMethod]
    public void Damaged_pieces_are_named()
    {
        AssertDamaged(UnigramModelFile.Albert().Add("", 0).ToArray(), "a piece without text");
        AssertDamaged(UnigramModelFile.Albert().Add("x", 0).Add("x", 0).ToArray(), "'x' stands there twice");
        AssertDamaged(UnigramModelFile.Albert().Add("x", float.NaN).ToArray(), "'x' has the score NaN");
        AssertDamaged(UnigramModelFile.Albert().Add("x", 0, (PieceType)9).ToArray(), "'x' is of type 9");
        AssertDamaged(UnigramModelFile.Albert().Add("x", 0, PieceType.Unknown).ToArray(), "2 pieces for unknown characters");
        AssertDamaged(new UnigramModelFile().Add("x", 0).ToArray(), "0 pieces for unknown characters");
        AssertDamaged(UnigramModelFile.DebertaV2(byteFallback: true).ToArray(), "no piece <0x00>");
        AssertDamaged(new UnigramModelFile { CharacterMap = [1, 2, 3] }.ToArray(), "precompiled_charsmap of 3 bytes");
    }

    [TestMethod]
    [DataRow("albert", "[CLS]")]
    [DataRow("deberta-v2", "[CLS]")]
    [DataRow("xlm-roberta", "<s>")]
    public void A_model_without_special_pieces_names_what_it_lacks(string modelType, string expected)
    {
        using var folder = TokenizerFolder.SentencePiece(DebertaFile, new UnigramModelFile().Add("<unk>", 0, PieceType.Unknown).Add("a", -1));

        var refused = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load(modelType));

        foreach (var part in new[] { DebertaFile, expected })
            StringAssert.Contains(refused.Message, part);
    }

    [TestMethod]
    public void Splitting_at_punctuation_is_refused()
    {
        using var folder = DebertaV2("""{ "split_by_punct": true }""");

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("deberta-v2")).Message, "split_by_punct");
    }

    [TestMethod]
    public void A_model_of_no_known_family_is_refused()
    {
        using var folder = DebertaV2();

        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("t5")).Message, "'t5'");
    }

    [TestMethod]
    public void Models_of_two_families_contradict_each_other()
    {
        using var folder = DebertaV2();
        folder.Write(AlbertFile, "");

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("albert")).Message, $"{AlbertFile} and {DebertaFile}");
    }

    [TestMethod]
    public void A_model_beside_a_WordPiece_vocabulary_needs_a_tokenizer_class()
    {
        using var folder = DebertaV2();
        folder.Write("vocab.txt", "[UNK]");

        var refused = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("deberta-v2"));

        foreach (var part in new[] { "vocab.txt", DebertaFile, "tokenizer_class" })
            StringAssert.Contains(refused.Message, part);
    }

    [TestMethod]
    public void A_Unigram_tokenizer_json_alone_asks_for_its_model()
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", """{ "model": { "type": "Unigram", "vocab": [["<unk>", 0]] } }""");

        var refused = Assert.ThrowsExactly<NotSupportedException>(() => folder.Load("xlm-roberta"));

        foreach (var part in new[] { "tokenizer.json", XlmRobertaFile })
            StringAssert.Contains(refused.Message, part);
    }

    [TestMethod]
    public void Pieces_of_the_real_model_spell_the_characters_they_stand_for()
    {
        if (GoldenFiles.Tokenizers is not string tokenizers)
            throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");

        var tokenizer = TextTokenizer.Load(Path.Combine(tokenizers, "albert-base-v2"), "albert");
        var pieces = SentencePieceModel.Read(Path.Combine(tokenizers, "albert-base-v2", AlbertFile)).Pieces;
        const string Text = "  Héllò, naïve  cafe\u0301s\tin İstanbul cost $3,499.99 -- ``ﬁne'' 😀 ½ ＡＢＣ\u200bx (e.g. 10,000,) ";

        var spelled = tokenizer.Tokenize(Text)
            .Select(token => (Piece: pieces[token.Id].Text.TrimStart('▁'), Surface: Text.Substring(token.Start, token.Length)))
            .Where(token => token.Piece is not ("" or "<unk>") && !token.Surface.Any(character => character is 'ﬁ' or '½'))
            .ToArray();

        CollectionAssert.AreEqual(spelled.Select(token => token.Piece).ToArray(), spelled.Select(token => Plain(token.Surface)).ToArray());

        static string Plain(string surface) => string.Concat(surface.Replace("``", "\"").Replace("''", "\"").Normalize(NormalizationForm.FormKD)
            .Where(character => character is not ('\u0301' or '\u0300' or '\u0308' or '\u0307'))).ToLowerInvariant();
    }

    private static void AssertDamaged(byte[] bytes, string expected)
    {
        using var folder = Albert();
        var path = Path.Combine(folder.Path, AlbertFile);
        File.WriteAllBytes(path, bytes);

        var refused = Assert.ThrowsExactly<InvalidDataException>(() => folder.Load("albert"));

        foreach (var part in new[] { path, expected })
            StringAssert.Contains(refused.Message, part);
    }
}
