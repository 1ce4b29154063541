using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>The first tokens of a long text, without reading all of it: those that the whole text begins with.</summary>
[TestClass]
public sealed class TokenizeStartTests
{
    private static readonly string[] Separators = [" ", "\n", "  ", "", ". ", "\u3000"];

    public static IEnumerable<object[]> Families => [["bert"], ["roberta"], ["albert"]];

    public static IEnumerable<object[]> RealVocabularies => GoldenFiles.Tokenizers is string folder
        ? Directory.GetDirectories(folder).Select(directory => new object[] { Path.GetFileName(directory) })
        : [["none"]];

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Start_of_random_texts_is_that_of_the_whole(string family)
    {
        using var folder = Folder(family);
        var tokenizer = folder.Load(family);
        var random = new Random(1);
        string[] pieces =
        [
            "a", "b", "ab", "é", "e\u0301", "北", "京", "𠀀", " ", "  ", "\n", "\t", "'s", "1,", "9", ".", "\u200b", "😀", "\ud800", "ﬁ", "\u00a0",
        ];

        for (var i = 0; i < 60; i++)
        {
            var text = string.Concat(Enumerable.Range(0, 3000).Select(_ => random.Next(3) == 0 ? " " : pieces[random.Next(pieces.Length)]));
            AssertStart(tokenizer, text, random.Next(1, 300));
        }
    }

    [TestMethod]
    [DynamicData(nameof(RealVocabularies))]
    public void Start_of_the_golden_texts_together_is_that_of_the_whole(string name)
    {
        var cases = Path.Combine(GoldenFiles.Root, "tokenizers", "cases.json");
        if (GoldenFiles.Tokenizers is not string folder || !File.Exists(cases))
            throw new AssertInconclusiveException("No real vocabularies or no golden vectors: set PTUNING_TOKENIZERS and PTUNING_GOLDEN to their folders.");
        var tokenizer = TextTokenizer.Load(Path.Combine(folder, name), name.Split('-')[0]);
        using var golden = JsonDocument.Parse(File.ReadAllText(cases));
        var single = golden.RootElement.EnumerateObject().First().Value.GetProperty("single");
        string[] texts = [.. single.EnumerateArray().Select(one => one.GetProperty("text").GetString()!)];

        foreach (var separator in Separators)
            for (var i = 0; i < 8; i++)
            {
                var text = string.Join(separator, texts.Skip(i * texts.Length / 8).Concat(texts));
                AssertStart(tokenizer, text, 127);
                AssertStart(tokenizer, text, 511);
            }
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Encoding_a_long_text_takes_as_long_as_its_first_tokens(string family)
    {
        using var folder = Folder(family);
        var tokenizer = folder.Load(family);
        var text = string.Concat(Enumerable.Repeat("ab ba ", 500_000)); // 3 million characters.
        tokenizer.Encode(text, text, 128);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var encoded = tokenizer.Encode(text, text, 128);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.HasCount(128, encoded.Tokens);
        Assert.IsGreaterThan(0, encoded.DroppedTokens);
        Assert.IsLessThan(text.Length, allocated); // The whole text takes some bytes a character at least.
    }

    [TestMethod]
    public void Model_whose_pieces_reach_over_a_space_reads_the_whole_text()
    {
        var model = UnigramModelFile.Albert().AddCharacters("ab").Add("a▁b", -0.1f).Add("▁a▁b", -0.1f);
        using var folder = TokenizerFolder.SentencePiece("spiece.model", model);

        AssertStart(folder.Load("albert"), string.Concat(Enumerable.Repeat("a b ", 2000)), 100);
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Text_with_fewer_tokens_has_all_of_them(string family)
    {
        using var folder = Folder(family);
        var tokenizer = folder.Load(family);
        var text = string.Concat(Enumerable.Repeat("ab ba ", 500));

        CollectionAssert.AreEqual(tokenizer.Tokenize(text).ToArray(), tokenizer.TokenizeStart(text, 1_000_000).ToArray());
    }

    private static void AssertStart(TextTokenizer tokenizer, string text, int count) => CollectionAssert.AreEqual(
        tokenizer.Tokenize(text).Take(count).ToArray(), tokenizer.TokenizeStart(text, count).Take(count).ToArray());

    private static TokenizerFolder Folder(string family) => family switch
    {
        "bert" => TokenizerFolder.Characters("""{ "do_lower_case": true }""", "abe北京19.,'s"),
        "roberta" => TokenizerFolder.ByteLevel("{}", "a b", "Ġ a", "Ġa b", "b a"),
        _ => TokenizerFolder.SentencePiece("spiece.model", UnigramModelFile.Albert()
            .AddCharacters("abe19.,'s").Add("▁ab", -2.5f).Add("ba", -2.2f).Add("1,", -1).Add("▁▁", -9)),
    };
}
