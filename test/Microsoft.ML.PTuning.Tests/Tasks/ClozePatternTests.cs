using System.Globalization;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class ClozePatternTests
{
    private const int Long = 100;

    /// <summary>The golden case of PET: ids that name words, so that words can be made of them.</summary>
    [TestMethod]
    [DataRow("bert.pet.prefix")]
    [DataRow("bert.pet.finetune")]
    public void A_pair_in_two_segments_is_encoded_as_in_PET(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "methods", name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        using var golden = new GoldenEncoder(path, "init.", GoldenEncoder.IsOfTheEncoder);
        using var folder = TokenizerFolder.WordPiece("{}", [.. Enumerable.Range(5, 55).Select(Word)]);
        var tokenizer = folder.Load();
        var pattern = ClozePattern.Parse("{text} . {mask} , {separator} {text2}");

        for (var row = 0; row < 3; row++)
        {
            int[] ids = [.. Input("input_ids", row).Take((int)Input("attention_mask", row).Sum()).Select(id => (int)id)];
            var (mask, separator) = (Array.IndexOf(ids, 4), Array.IndexOf(ids, 3));
            var encoded = pattern.Encode(tokenizer, Text(ids[1..(mask - 1)]), Text(ids[(separator + 1)..^1]), Long).Row;

            CollectionAssert.AreEqual(ids, encoded.Ids);
            CollectionAssert.AreEqual(Input("token_type_ids", row).Take(ids.Length).Select(id => (int)id).ToArray(), encoded.Segments);
            Assert.AreEqual(mask, encoded.MaskPlace);
        }

        long[] Input(string input, int row) => [.. golden.Tensors[$"input.{input}"][row].data<long>()];
        static string Word(int id) => id == 20 ? "." : id == 21 ? "," : string.Create(CultureInfo.InvariantCulture, $"w{id}");
        static string Text(int[] ids) => string.Join(' ', ids.Select(Word));
    }

    [TestMethod]
    [DataRow("{text} it {mask}", "[CLS] a b it [MASK] [SEP]")]
    [DataRow("it {text}", "[CLS] it a b [SEP]")]
    [DataRow("{prompt}{text}{prompt:2}{mask}", "[CLS] [P] a b [P] [P] [MASK] [SEP]")]
    [DataRow("{mask} {separator} it {text} {prompt}", "[CLS] [MASK] [SEP] it a b [P] [SEP]")]
    [DataRow("  {text}  {{ it }}  ", "[CLS] a b { it } [SEP]")]
    public void Words_texts_and_places_stand_as_the_pattern_says(string pattern, string expected)
    {
        string[] words = ["a", "b", "it", "{", "}"];
        using var folder = TokenizerFolder.WordPiece("{}", words);
        string[] vocabulary = [.. TokenizerFolder.BertTokens, .. words];

        var row = ClozePattern.Parse(pattern).Encode(folder.Load(), "a b", null, Long).Row;

        var shown = row.Ids.Select((id, place) => row.PromptPlaces.Contains(place) ? "[P]" : vocabulary[id]).ToArray();
        Assert.AreEqual(expected, string.Join(' ', shown));
        Assert.AreEqual(Array.IndexOf(shown, "[MASK]") is var mask and >= 0 ? mask : null, row.MaskPlace);
        var second = Array.IndexOf(shown, "[SEP]") + 1;
        CollectionAssert.AreEqual(shown.Select((_, place) => place < second ? 0 : 1).ToArray(), row.Segments);
    }

    /// <summary>RoBERTa's pair has two separators and one segment; words, texts included, are read with a space before them.</summary>
    [TestMethod]
    public void Byte_level_pieces_are_read_within_a_text()
    {
        using var folder = TokenizerFolder.ByteLevel("{}", "Ġ a", "Ġ b", "Ġ .");
        var ids = TokenizerFolder.ByteLevelIds("Ġ a", "Ġ b", "Ġ .");

        var row = ClozePattern.Parse("{text}{mask}. {separator} {text2}").Encode(folder.Load("roberta"), "a", "b", Long).Row;

        CollectionAssert.AreEqual(
            ((string[])["<s>", "Ġa", "<mask>", "Ġ.", "</s>", "</s>", "Ġb", "</s>"]).Select(token => ids[token]).ToArray(), row.Ids);
        Assert.AreEqual(2, row.MaskPlace);
        Assert.IsTrue(row.Segments.All(segment => segment == 0));
    }

    /// <summary>The longer text loses its last token, again and again; the second where both are equally long.</summary>
    [TestMethod]
    [DataRow(5, 3)]
    [DataRow(3, 5)]
    [DataRow(4, 4)]
    [DataRow(0, 6)]
    public void Only_the_texts_are_shortened_the_longer_one_first(int first, int second)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b", "it");
        var tokenizer = folder.Load();
        var pattern = ClozePattern.Parse("{text} it {mask} {text2}");
        const int Around = 4; // [CLS], it, [MASK], [SEP].

        for (var room = 2; room <= first + second; room++)
        {
            var row = pattern.Encode(tokenizer, Repeat("a", first), Repeat("b", second), Around + room);
            var (expectedFirst, expectedSecond) = (first, second);
            while (expectedFirst + expectedSecond > room)
                (expectedFirst, expectedSecond) = expectedFirst > expectedSecond ? (expectedFirst - 1, expectedSecond) : (expectedFirst, expectedSecond - 1);

            CollectionAssert.AreEqual(
                (int[])[2, .. Enumerable.Repeat(5, expectedFirst), 7, 4, .. Enumerable.Repeat(6, expectedSecond), 3], row.Row.Ids, $"room for {room}");
            Assert.AreEqual(first + second - room > 0, row.DroppedTokens > 0);
        }

        static string Repeat(string word, int count) => string.Join(' ', Enumerable.Repeat(word, count));
    }

    [TestMethod]
    [DataRow("it was {mask}", "{text} is missing")]
    [DataRow("{text} {mask} {mask}", "it has {mask} twice")]
    [DataRow("{text} {text}", "it has {text} twice")]
    [DataRow("{text} {label}", "{label} is no placeholder")]
    [DataRow("{text} {mask:2}", "{mask:2} is no placeholder")]
    [DataRow("{text} {prompt:0}", "{prompt:0} has no number of trained tokens")]
    [DataRow("{text} {prompt:many}", "{prompt:many} has no number of trained tokens")]
    [DataRow("{text} {mask", "'{' at character 8 stands alone")]
    [DataRow("{text} } {mask}", "'}' at character 8 stands alone")]
    public void Parse_says_what_is_wrong(string pattern, string message)
    {
        var refusal = Assert.ThrowsExactly<ArgumentException>(() => ClozePattern.Parse(pattern));

        StringAssert.Contains(refusal.Message, $"Pattern '{pattern}': {message}");
        Assert.AreEqual("Pattern", refusal.ParamName);
    }

    [TestMethod]
    public void Find_misfit_names_the_length_that_is_needed()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "it", "was");
        var (tokenizer, pattern) = (folder.Load(), ClozePattern.Parse("{text} it was {mask} {prompt:3}"));
        const int Around = 8; // [CLS], it, was, [MASK], three places, [SEP].

        Assert.IsNull(pattern.FindMisfit(tokenizer, Around + 1));
        StringAssert.Contains(
            pattern.FindMisfit(tokenizer, Around), "takes 8 tokens, special tokens included, without the text, which needs room too. Use 9 or more.");
    }

    [TestMethod]
    public void Find_misfit_tells_that_there_is_no_mask_token()
    {
        using var folder = TokenizerFolder.WordPiece("""{ "mask_token": "nowhere" }""", "a");

        StringAssert.Contains(ClozePattern.Parse("{text} {mask}").FindMisfit(folder.Load(), Long), "the encoder's vocabulary has no mask token");
        Assert.IsNull(ClozePattern.Parse("{text}").FindMisfit(folder.Load(), Long));
    }
}
