using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Loads tokenizers, and encodes texts.</summary>
internal static class TokenizerLoads
{
    private const int MaxLength = 24;

    private static readonly string[] Texts =
    [
        "", " ", "the parcel's 2nd caf\u00e9 -- na\u00efve, 3,000 \u6f22\u5b57 \U0001F600 e\u0301\u200b", "a\ud800b\0c\t\r\n d",
        "[MASK] <s> </s> [CLS] \u2581a ##b",
        new string('a', 700), "abc cba bca low lower newest",
    ];

    /// <param name="variant">The model type, and what else tells it from others behind a plus.</param>
    public static void Load(string folder, string variant)
    {
        TextTokenizer.FilesOf(folder);
        var tokenizer = TextTokenizer.Load(folder, variant.Split('+')[0]);
        foreach (var text in Texts)
        {
            Check(tokenizer, tokenizer.Encode(text, second: null, MaxLength).Tokens, text);
            Check(tokenizer, tokenizer.Encode("a b", text, MaxLength).Tokens, null);
            tokenizer.Decode(tokenizer.Tokenize(text).Select(token => token.Id));
            foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                Check(tokenizer, tokenizer.TokenizeWord(word), null);
        }
        tokenizer.TokenOf(tokenizer.VocabularySize - 1);
        tokenizer.Decode(Enumerable.Range(-1, Math.Min(tokenizer.VocabularySize, 1000) + 2));
    }

    private static void Check(TextTokenizer tokenizer, IReadOnlyList<Token> tokens, string? text)
    {
        foreach (var token in tokens)
        {
            if (token.Id < 0 || token.Id >= tokenizer.VocabularySize)
                throw new FuzzFailureException($"A token has the id {token.Id}, and the vocabulary the size {tokenizer.VocabularySize}.");
            if (token.Start < 0 || token.Length < 0 || text is not null && token.Start + token.Length > text.Length)
                throw new FuzzFailureException($"A token lies at {token.Start}, {token.Length} characters long, outside of its text.");
        }
    }
}
