using System.Text;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class ByteLevelBpeTextTokenizerTests
{
    private static readonly string[] Merges = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "Ġwor l", "Ġworl d", "ð Ł", "Ġ ðŁ", "ĠðŁ ĺ"];

    [TestMethod]
    public void Pairs_merge_by_rank()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);
        var ids = TokenizerFolder.ByteLevelIds(Merges);

        CollectionAssert.AreEqual(new[] { ids["hello"], ids["Ġworld"], ids["s"] }, folder.Load("roberta").Ids("hello worlds"));
    }

    [TestMethod]
    [DataRow("hello world 😀!", "hello|world|😀|😀|!", DisplayName = "the space before a word is left out, parts of a character carry all of it")]
    [DataRow("a  b\t\nc ", "a| | |b|\t|\n|c| ", DisplayName = "a token of nothing but white space keeps it")]
    [DataRow("ü北", "ü|ü|北|北|北", DisplayName = "every byte of a character carries all of it")]
    [DataRow("a\0b", "a|\0|b", DisplayName = "a NUL is a character like others")]
    public void Offsets_give_the_characters_of_each_token(string text, string surfaces)
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);

        CollectionAssert.AreEqual(surfaces.Split('|'), folder.Load("roberta").Surfaces(text));
    }

    [TestMethod]
    public void Tokens_spell_the_text_byte_by_byte()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);
        var text = "hello  wörld 😀 𝐇 \u3000\n'll";
        var tokens = TokenizerFolder.ByteLevelIds(Merges).ToDictionary(entry => entry.Value, entry => entry.Key);

        var spelled = string.Concat(folder.Load("roberta").Ids(text).Select(id => tokens[id]));

        Assert.AreEqual(string.Concat(Encoding.UTF8.GetBytes(text).Select(value => ByteSymbols.Of[value])), spelled);
    }

    [TestMethod]
    [DataRow("I'll we've it's 'S", "I|'ll| we|'ve| it|'s| '|S", DisplayName = "contractions, in lower case only")]
    [DataRow("a1b22 c3!?x", "a|1|b|22| c|3|!?|x", DisplayName = "letters, numbers and the rest")]
    [DataRow("a   b \n c\n", "a|  | b| \n| c|\n", DisplayName = "white space leaves its last character to the word")]
    [DataRow("𝐇ello𝟙½Ⅷ", "𝐇ello|𝟙½Ⅷ", DisplayName = "letters and numbers beyond U+FFFF")]
    [DataRow("''s", "''|s", DisplayName = "an apostrophe after another is no contraction")]
    [DataRow("   ", "   ", DisplayName = "white space alone")]
    public void Words_are_those_of_the_reference_pattern(string text, string expected)
    {
        var found = new List<string>();
        for (var words = new ByteLevelWords(text); words.MoveNext();)
            found.Add(text[words.Start..words.End]);

        CollectionAssert.AreEqual(expected.Split('|'), found);
    }

    [TestMethod]
    public void Special_tokens_written_out_are_plain_text()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);

        CollectionAssert.AreEqual(new[] { "<", "s", ">", "<", "/", "s", ">" }, folder.Load("roberta").Surfaces("<s></s>"));
    }

    [TestMethod]
    public void With_add_prefix_space_the_first_word_is_read_as_if_after_a_space()
    {
        using var folder = TokenizerFolder.ByteLevel("""{ "add_prefix_space": true }""", Merges);
        var ids = TokenizerFolder.ByteLevelIds(Merges);

        Assert.AreEqual(new Token(ids["Ġworld"], 0, 5), folder.Load("roberta").Tokenize("world").Single());
    }

    [TestMethod]
    public void With_add_prefix_space_a_text_after_a_space_stays_as_it_is()
    {
        using var folder = TokenizerFolder.ByteLevel("""{ "add_prefix_space": true }""", Merges);
        var ids = TokenizerFolder.ByteLevelIds(Merges);

        Assert.AreEqual(new Token(ids["Ġworld"], 1, 5), folder.Load("roberta").Tokenize(" world").Single());
    }

    [TestMethod]
    public void A_word_of_a_split_text_is_read_as_if_after_a_space()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);
        var ids = TokenizerFolder.ByteLevelIds(Merges);

        Assert.AreEqual(new Token(ids["Ġworld"], 0, 5), folder.Load("roberta").TokenizeWord("world").Single());
    }

    [TestMethod]
    public void The_space_that_is_only_thought_before_a_word_stands_for_no_character()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);
        var ids = TokenizerFolder.ByteLevelIds(Merges);

        CollectionAssert.AreEqual(new[] { new Token(ids["Ġ"], 0, 0), new Token(ids["x"], 0, 1) }, folder.Load("roberta").TokenizeWord("x").ToArray());
    }

    [TestMethod]
    public void An_empty_text_has_no_tokens()
    {
        using var folder = TokenizerFolder.ByteLevel("""{ "add_prefix_space": true }""", Merges);

        Assert.IsEmpty(folder.Load("roberta").Tokenize(""));
    }

    [TestMethod]
    public void A_lone_surrogate_is_read_as_the_replacement_character()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);
        var tokenizer = folder.Load("roberta");

        CollectionAssert.AreEqual(tokenizer.Tokenize("a\ufffdb\ufffd").ToArray(), tokenizer.Tokenize("a\udc00b\ud800").ToArray());
    }

    [TestMethod]
    public void A_very_long_word_merges_as_a_short_one_does()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", "a b", "b a", "ab a", "aba b", "a a", "aa aa", "b b", "abab bb", "ab b");
        var tokenizer = folder.Load("roberta");
        var random = new Random(1);

        for (var length = 500; length < 530; length++)
        {
            var word = string.Concat(Enumerable.Range(0, length).Select(_ => random.Next(3) == 0 ? 'b' : 'a'));
            CollectionAssert.AreEqual(MergeByDefinition(word, folder.Path), tokenizer.Ids(word), $"{length} characters");
        }
    }

    [TestMethod]
    [Timeout(60_000)]
    public void A_million_characters_take_linear_time()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", "a a", "aa aa");
        var tokenizer = folder.Load("roberta");

        Assert.HasCount(250_000, tokenizer.Tokenize(new string('a', 1_000_000)));
        Assert.HasCount(1_000_000, tokenizer.Tokenize(new string(' ', 1_000_000)));
    }

    [TestMethod]
    public void Many_threads_get_the_same_tokens()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", Merges);
        var tokenizer = folder.Load("roberta");
        var texts = Enumerable.Range(0, 2000).Select(i => $"hello world {i} wörld{i % 7} 😀{i}").ToArray();
        var expected = texts.Select(tokenizer.Tokenize).ToArray();

        var found = texts.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(folder.Load("roberta").Tokenize).ToArray();

        for (var i = 0; i < texts.Length; i++)
            CollectionAssert.AreEqual(expected[i].ToArray(), found[i].ToArray());
    }

    /// <summary>Joins the leftmost pair of lowest rank until there is none.</summary>
    private static int[] MergeByDefinition(string word, string folder)
    {
        var merges = File.ReadAllLines(Path.Combine(folder, "merges.txt")).Skip(1).ToArray();
        var tokens = word.Select(character => character.ToString()).ToList();
        while (Best() is (>= 0, var at))
        {
            tokens[at] += tokens[at + 1];
            tokens.RemoveAt(at + 1);
        }

        var ids = TokenizerFolder.ByteLevelIds(merges);
        return [.. tokens.Select(token => ids[token])];

        (int Rank, int At) Best() => Enumerable.Range(0, tokens.Count - 1)
            .Select(i => (Rank: Array.IndexOf(merges, $"{tokens[i]} {tokens[i + 1]}"), At: i))
            .Where(pair => pair.Rank >= 0)
            .DefaultIfEmpty((-1, -1))
            .Min();
    }
}
