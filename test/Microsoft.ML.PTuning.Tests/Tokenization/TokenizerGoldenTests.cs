using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>Ids as Hugging Face's tokenizers gave them, on real vocabularies and on that of the default encoder, which is bert-base-uncased's.</summary>
/// <remarks>Every tokenizer and every case of <c>tokenizers/cases.json</c> is a test of its own, so that the number compared can be seen.</remarks>
[TestClass]
public sealed class TokenizerGoldenTests
{
    private const string DefaultEncoder = "all-MiniLM-L6-v2", ItsReference = "bert-base-uncased";

    private static readonly Lazy<JsonElement?> Cases = new(ReadCases);
    private static readonly Dictionary<string, TextTokenizer> Loaded = [];

    public static IEnumerable<object?[]> Single => CasesOf("single");

    public static IEnumerable<object?[]> Pairs => CasesOf("pairs");

    public static IEnumerable<object?[]> Words => CasesOf("words");

    [TestMethod]
    [DynamicData(nameof(Single))]
    public void A_text_has_the_reference_ids(string tokenizer, string kind, int number)
    {
        var (loaded, expected) = Find(tokenizer, kind, number);

        var encoded = loaded.Encode(expected.GetProperty("text").GetString()!, null, 512);

        AssertIds(expected.GetProperty("ids"), encoded.Tokens.Select(token => token.Id));
    }

    [TestMethod]
    [DynamicData(nameof(Single))]
    public void A_text_cut_to_16_tokens_has_the_reference_ids(string tokenizer, string kind, int number)
    {
        var (loaded, expected) = Find(tokenizer, kind, number);

        var encoded = loaded.Encode(expected.GetProperty("text").GetString()!, null, 16);

        AssertIds(expected.GetProperty("ids_max16"), encoded.Tokens.Select(token => token.Id));
    }

    [TestMethod]
    [DynamicData(nameof(Pairs))]
    public void A_pair_has_the_reference_ids(string tokenizer, string kind, int number)
    {
        var (loaded, expected) = Find(tokenizer, kind, number);

        AssertIds(expected.GetProperty("ids"), EncodePair(loaded, expected).Tokens.Select(token => token.Id));
    }

    [TestMethod]
    [DynamicData(nameof(Pairs))]
    public void A_pair_has_the_reference_segments(string tokenizer, string kind, int number)
    {
        var (loaded, expected) = Find(tokenizer, kind, number);

        AssertIds(expected.GetProperty("token_type_ids"), EncodePair(loaded, expected).Segments);
    }

    [TestMethod]
    [DynamicData(nameof(Words))]
    public void Words_one_by_one_have_the_reference_ids(string tokenizer, string kind, int number)
    {
        var (loaded, expected) = Find(tokenizer, kind, number);

        var words = expected.GetProperty("words").EnumerateArray().Select(word => word.GetString()!);
        var ids = words.Select(word => string.Join(' ', loaded.TokenizeWord(word).Select(token => token.Id)));

        var reference = expected.GetProperty("ids_per_word").EnumerateArray().Select(word => string.Join(' ', word.EnumerateArray()));
        CollectionAssert.AreEqual(reference.ToArray(), ids.ToArray());
    }

    private static EncodedText EncodePair(TextTokenizer tokenizer, JsonElement pair) => tokenizer.Encode(
        pair.GetProperty("first").GetString()!,
        pair.GetProperty("second").GetString()!,
        pair.GetProperty("max_length").GetInt32(),
        pair.GetProperty("strategy").GetString() switch
        {
            "longest_first" => Truncation.LongestFirst,
            "only_second" => Truncation.OnlySecond,
            var other => throw new InvalidDataException($"cases.json: the truncation strategy '{other}' is not known to these tests."),
        });

    private static void AssertIds(JsonElement expected, IEnumerable<int> found) =>
        CollectionAssert.AreEqual(expected.EnumerateArray().Select(id => id.GetInt32()).ToArray(), found.ToArray());

    private static (TextTokenizer Tokenizer, JsonElement Case) Find(string tokenizer, string kind, int number)
    {
        if (Cases.Value is not JsonElement cases)
            throw new AssertInconclusiveException($"No golden vectors at {CasesPath}: set PTUNING_GOLDEN to their folder.");
        if (tokenizer == DefaultEncoder)
            return (Load(Path.Combine(AppContext.BaseDirectory, "backbones", tokenizer), "bert"), cases.GetProperty(ItsReference).GetProperty(kind)[number]);
        if (GoldenFiles.Tokenizers is not string folder)
            throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");

        return (Load(Path.Combine(folder, tokenizer), tokenizer.Split('-')[0]), cases.GetProperty(tokenizer).GetProperty(kind)[number]);
    }

    private static TextTokenizer Load(string directory, string modelType)
    {
        lock (Loaded)
        {
            if (Loaded.TryGetValue(directory, out var loaded))
                return loaded;

            return Loaded[directory] = TextTokenizer.Load(directory, modelType);
        }
    }

    private static string CasesPath => Path.Combine(GoldenFiles.Root, "tokenizers", "cases.json");

    private static JsonElement? ReadCases()
    {
        if (!File.Exists(CasesPath))
            return null;

        using var document = JsonDocument.Parse(File.ReadAllText(CasesPath));
        return document.RootElement.Clone();
    }

    private static IEnumerable<object?[]> CasesOf(string kind) => Cases.Value is not JsonElement cases
        ? [["none", kind, 0]]
        : from tokenizer in cases.EnumerateObject()
          from name in tokenizer.Name == ItsReference ? new[] { DefaultEncoder, tokenizer.Name } : [tokenizer.Name]
          from number in Enumerable.Range(0, tokenizer.Value.GetProperty(kind).GetArrayLength())
          select new object?[] { name, kind, number };
}
