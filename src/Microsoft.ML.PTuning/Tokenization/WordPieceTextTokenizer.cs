using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>BERT's tokenizer: normalise, split into words, cut each word greedily into the longest pieces the vocabulary has (Wu et al. 2016).</summary>
/// <remarks>The library finds the pieces of a word. The normaliser and the word splitter are our own, because of offsets and ids (see there).</remarks>
internal sealed class WordPieceTextTokenizer : SubwordTokenizer
{
    /// <summary>A longer word is unknown as a whole. The library counts UTF-16 units, so the limit is checked here.</summary>
    private const int MaxWordCodePoints = 100;

    private readonly WordPieceTokenizer _pieces;
    private readonly BertNormalizer _normalizer;
    private readonly Vocabulary _vocabulary;

    public WordPieceTextTokenizer(
        Vocabulary vocabulary, string unknownToken, BertNormalizer normalizer, SpecialTokenLayout layout, IReadOnlyList<string> files)
        : base(vocabulary.Size, layout, files)
    {
        if (!vocabulary.Ids.ContainsKey(unknownToken))
        {
            throw new InvalidDataException(
                $"{vocabulary.Source}: expected the unknown token '{unknownToken}', but it is not among the {vocabulary.Ids.Count} tokens. "
                + "Fetch the file again.");
        }

        using var lines = vocabulary.ToLines();
        _pieces = WordPieceTokenizer.Create(lines, new WordPieceOptions { UnknownToken = unknownToken, MaxInputCharsPerWord = 2 * MaxWordCodePoints });
        _normalizer = normalizer;
        _vocabulary = vocabulary;
    }

    public override string? TokenOf(int id) => _vocabulary.TokenOf(id);

    public override int? UnknownId => _pieces.UnknownTokenId;

    /// <summary>Whether decoded text is cleaned up for English.</summary>
    public bool CleansUp { get; init; } = true;

    public override TokenDecoder OpenDecoder() => new WordPieceDecoder(id => SpecialIds.Contains(id) ? null : TokenOf(id), CleansUp);

    protected override IReadOnlyList<Token> TokenizePlain(string text, bool asWord)
    {
        var normalized = _normalizer.Normalize(text);
        var tokens = new List<Token>(text.Length / 4 + 1);
        for (var words = new BertWords(normalized.Characters); words.MoveNext();)
        {
            if (words.CodePoints > MaxWordCodePoints)
            {
                tokens.Add(normalized.Locate(_pieces.UnknownTokenId, words.Start, words.End));
                continue;
            }

            var word = normalized.Characters[words.Start..words.End];
            foreach (var piece in _pieces.EncodeToTokens(word, out _, considerPreTokenization: false, considerNormalization: false))
                tokens.Add(normalized.Locate(piece.Id, words.Start + piece.Offset.Start.Value, words.Start + piece.Offset.End.Value));
        }

        return tokens;
    }

    /// <remarks>White space always ends a word; in most vocabularies a Chinese character does, too.</remarks>
    protected override bool IsBreak(string text, int at) =>
        text[at] is ' ' or '\n' || (_normalizer.SplitsChineseCharacters && BertNormalizer.IsChinese(text[at]));
}
