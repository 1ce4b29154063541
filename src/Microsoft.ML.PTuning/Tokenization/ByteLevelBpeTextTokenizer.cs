using System.Text;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>GPT-2's and RoBERTa's tokenizer: byte-level BPE (Radford et al. 2019), which has tokens for every text and changes no character.</summary>
/// <remarks>
/// Offsets leave out the space before a word, as Hugging Face's <c>trim_offsets</c> does; a token of nothing but white space keeps it. They are
/// counted here, by the bytes of each token: Microsoft.ML.Tokenizers' own end inside surrogate pairs and are empty for parts of a character.
/// </remarks>
internal sealed class ByteLevelBpeTextTokenizer : SubwordTokenizer
{
    /// <summary>The library merges words up to this many characters, and caches short ones; <see cref="BytePairMerges"/> merges longer words.</summary>
    private const int LongWord = 512;

    private readonly BpeTokenizer _bytePairs;
    private readonly BytePairMerges _merges;
    private readonly int[] _byteIds;
    private readonly int[] _bytesOfToken;
    private readonly bool _addPrefixSpace;
    private readonly Vocabulary _vocabulary;

    /// <param name="vocabulary">Holds all <see cref="ByteSymbols"/> and every merge's parts and result.</param>
    /// <param name="addPrefixSpace">Whether a text that begins without a space is read as if it began with one.</param>
    public ByteLevelBpeTextTokenizer(
        Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> merges, bool addPrefixSpace, SpecialTokenLayout layout, IReadOnlyList<string> files)
        : base(vocabulary.Size, layout, files)
    {
        _bytePairs = BpeTokenizer.Create(new BpeOptions(vocabulary.Ids) { Merges = merges.Select(pair => $"{pair.Left} {pair.Right}"), ByteLevel = true });
        _merges = BytePairMerges.From(vocabulary, merges);
        _byteIds = [.. ByteSymbols.Of.Select(symbol => vocabulary.Ids[symbol.ToString()])];
        _bytesOfToken = new int[vocabulary.Size];
        foreach (var (token, id) in vocabulary.Ids)
            _bytesOfToken[id] = token.Length;
        _addPrefixSpace = addPrefixSpace;
        _vocabulary = vocabulary;
    }

    public override string? TokenOf(int id) => _vocabulary.TokenOf(id);

    public override TokenDecoder OpenDecoder() => new ByteLevelDecoder(BytesOf);

    protected override IReadOnlyList<Token> TokenizePlain(string text, bool asWord) => Tokenize(text, asWord || _addPrefixSpace);

    protected override bool IsBreak(string text, int at) => IsBetweenWords(text, at);

    private List<Token> Tokenize(string text, bool prefixSpace)
    {
        var shift = prefixSpace && text.Length > 0 && text[0] != ' ' ? 1 : 0;
        var wellFormed = WellFormed(shift == 1 ? " " + text : text);
        var tokens = new List<Token>(text.Length / 4 + 1);

        for (var words = new ByteLevelWords(wellFormed); words.MoveNext();)
        {
            var word = wellFormed.AsSpan(words.Start..words.End);
            var position = new BytePosition(word);
            foreach (var id in Merge(word))
            {
                var (start, end) = position.Advance(_bytesOfToken[id]);
                start = Math.Max(0, words.Start + start - shift);
                tokens.Add(new Token(id, start, words.Start + end - shift - start));
            }
        }

        return tokens;
    }

    private byte[]? BytesOf(int id) => !SpecialIds.Contains(id) && _vocabulary.TokenOf(id) is { } token ? ByteSymbols.BytesOf(token) : null;

    private IReadOnlyList<int> Merge(ReadOnlySpan<char> word)
    {
        if (word.Length <= LongWord)
            return _bytePairs.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false);

        var bytes = new byte[Encoding.UTF8.GetByteCount(word)];
        Encoding.UTF8.GetBytes(word, bytes);
        return _merges.Merge(Array.ConvertAll(bytes, value => _byteIds[value]));
    }

    /// <summary>The text with U+FFFD for each lone surrogate, which has no UTF-8 form; as long as the original.</summary>
    private static string WellFormed(string text)
    {
        char[]? repaired = null;
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                i++;
            else
                (repaired ??= text.ToCharArray())[i] = '\uFFFD';
        }

        return repaired is null ? text : new string(repaired);
    }

    /// <summary>Walks through a word token by token, and finds the characters of each token's bytes.</summary>
    private ref struct BytePosition(ReadOnlySpan<char> word)
    {
        private readonly ReadOnlySpan<char> _word = word;
        private int _at;
        private int _bytesInto;

        public (int Start, int End) Advance(int bytes)
        {
            var start = _at;
            var end = _at;
            for (var remaining = bytes; remaining > 0;)
            {
                Rune.DecodeFromUtf16(_word[_at..], out var rune, out var length);
                end = _at + length;
                var taken = Math.Min(remaining, rune.Utf8SequenceLength - _bytesInto);
                remaining -= taken;
                _bytesInto += taken;
                if (_bytesInto == rune.Utf8SequenceLength)
                {
                    _at = end;
                    _bytesInto = 0;
                }
            }

            return (TrimStart(start, end), end);
        }

        private readonly int TrimStart(int start, int end)
        {
            var trimmed = start;
            while (trimmed < end && char.IsWhiteSpace(_word[trimmed]))
                trimmed++;
            return trimmed < end ? trimmed : start;
        }
    }
}
