using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Characters that show nothing, or that the tokenizer drops, at the edges of entities and answers.</summary>
[TestClass]
public sealed class InvisibleEdgesTests
{
    private static readonly Dictionary<string, TokenizerFolder> Folders = new()
    {
        ["bert"] = TokenizerFolder.Characters("{}", "abcdefghijklmnopqrstuvwxyz.,"),
        ["roberta"] = TokenizerFolder.ByteLevel("{}", "Ġ p", "p a", "r i", "ri s"),
        ["albert"] = TokenizerFolder.SentencePiece(
            "spiece.model", UnigramModelFile.Albert().Add("▁paris", -1).AddCharacters("abcdefghijklmnopqrstuvwxyz.,")),
    };

    public static IEnumerable<object[]> Edges =>
        from family in Folders.Keys
        from character in new[] { "\u200B", "\uFEFF", "\u200E", "\u00AD", "\u2060", "\u202C", "\u0001", "\u007F", "\u0007", "\U000E0020" }
        select new object[] { family, $"U+{char.ConvertToUtf32(character, 0):X4}" };

    [ClassCleanup]
    public static void Delete()
    {
        foreach (var folder in Folders.Values)
            folder.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(Edges))]
    public void Invisible_character_at_its_edge_is_not_part_of_an_entity(string family, string character)
    {
        var dropped = char.ConvertFromUtf32(Convert.ToInt32(character[2..], 16));
        var (before, behind) = ($"i fly to {dropped}", $"{dropped} tomorrow.");
        var text = $"{before}paris{behind}";

        foreach (var source in new[] { WordSource.PunctuationApart, WordSource.WhiteSpace })
            Assert.AreEqual($"CITY {before.Length} {before.Length + 5}", EntityAt(SentenceWords.Of(text, source, Load(family)), word: 3), $"{source}");
    }

    [TestMethod]
    [DynamicData(nameof(Edges))]
    public void Invisible_character_at_its_edge_is_not_part_of_an_entity_of_given_words(string family, string character)
    {
        var dropped = char.ConvertFromUtf32(Convert.ToInt32(character[2..], 16));

        var sentence = SentenceWords.Of(["to", $"{dropped}paris{dropped}{dropped}"], Load(family));

        Assert.AreEqual($"CITY {3 + dropped.Length} {8 + dropped.Length}", EntityAt(sentence, word: 1));
    }

    [TestMethod]
    [DataRow("I fly to Paris\u200b tomorrow.", 3, "CITY 9 14")]
    [DataRow("\ufeffParis is a nice place", 0, "CITY 1 6")]
    [DataRow("I fly to \u200eParis\u200e tomorrow.", 3, "CITY 10 15")]
    [DataRow("I fly to Pa\u00adris.", 3, "CITY 9 15", DisplayName = "within a word it stays")]
    [DataRow("I fly to \uE000Paris\uFFFD tomorrow.", 3, "CITY 10 15", DisplayName = "what the tokenizer drops, though it may be seen")]
    public void Reported_texts_have_the_entities_that_a_reader_sees(string text, int word, string expected) =>
        Assert.AreEqual(expected, EntityAt(SentenceWords.Of(text, WordSource.PunctuationApart, Load("bert")), word));

    [TestMethod]
    public void Word_of_nothing_visible_is_no_entity_and_no_edge_of_one()
    {
        var sentence = SentenceWords.Of(["\u200b", "paris", "\u200e"], Load("roberta"));

        Assert.AreEqual("CITY 2 7", EntityAt(sentence, word: 0, words: 3));
        Assert.IsNull(EntityAt(sentence, word: 2));
    }

    [TestMethod]
    public void Label_that_covers_an_invisible_character_names_its_word()
    {
        var task = Any.Tagging("O", "B-CITY", "I-CITY") with { Words = WordSource.PunctuationApart };
        var data = new MLContext().Data.LoadFromEnumerable([new Labelled { Sentence1 = "to paris\u200b", Label = ["CITY 3 9"] }]);

        var rows = ExampleSet.Read(data, task, Load("bert"), () => { });

        CollectionAssert.AreEqual(new[] { "O", "B-CITY" }, ((TaggedSentence)rows.Examples[0]).Tags);
    }

    [TestMethod]
    [DynamicData(nameof(Edges))]
    public void Invisible_character_at_its_edge_is_not_part_of_an_answer(string family, string character)
    {
        var dropped = char.ConvertFromUtf32(Convert.ToInt32(character[2..], 16));
        var context = $"to {dropped}paris{dropped} or";
        var row = AnswerExample.Encode(Load(family), "q", context, gold: null, maxLength: 64, overlap: 2);
        var first = Array.FindIndex(row.Tokens, token => token.Start + token.Length > 3);
        var last = Array.FindLastIndex(row.Tokens, token => token.Start < context.Length - 3);

        var answers = AnswerSearch.Find(row, WordQuestions.Logits(row, [(0, first, 9)], [(0, last, 9)]), best: 5, longest: 30);

        Assert.IsTrue(answers.All(answer => answer.End > answer.Start));
        foreach (var answer in answers.Select(answer => answer.In(context).ToString()))
            Assert.IsFalse(answer.StartsWith(dropped, StringComparison.Ordinal) || answer.EndsWith(dropped, StringComparison.Ordinal), answer);
    }

    private static TextTokenizer Load(string family) => Folders[family].Load(family);

    // The entity of some words, as prediction has it; null for none.
    private static string? EntityAt(SentenceWords sentence, int word, int words = 1)
    {
        var task = Any.Tagging("O", "B-CITY", "I-CITY");
        var tagged = new TaggedSentence([Any.Part(0)], sentence.Visible, null, [[.. sentence.Words.Select((_, i) => (i, i))]]);
        float[] logits = [.. sentence.Words.SelectMany((_, i) => i == word ? [0f, 9, 0] : i > word && i < word + words ? [0f, 0, 9] : new float[] { 9, 0, 0 })];

        var prediction = (TagPrediction)task.Decode(tagged, [logits]);

        return prediction.Entities.Count == 0 ? null : Assert.ContainsSingle(prediction.Entities).ToString();
    }

    private sealed class Labelled
    {
        public string Sentence1 { get; set; } = "";

        public string[] Label { get; set; } = [];
    }
}
