namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Text to token ids with character offsets, over Microsoft.ML.Tokenizers. Safe for any number of threads.</summary>
/// <remarks>
/// Offsets point into the original string, even if normalisation removed characters, stripped accents or decomposed letters.
/// They never run backwards; pieces of one character each carry the whole character. Lone surrogates count as U+FFFD.
/// </remarks>
internal abstract class TextTokenizer
{
    /// <summary>Characters to read at first for each token.</summary>
    private const int CharactersPerToken = 8, LeastStart = 1024;

    /// <summary>One more than the largest id that a text or a special token may have.</summary>
    public abstract int VocabularySize { get; }

    public abstract int PadId { get; }

    /// <summary>Id of the special token that separates texts; of families that know none, the one that ends texts.</summary>
    public abstract int SeparatorId { get; }

    /// <summary>The number of special tokens before a text, and so the index of its first token.</summary>
    public abstract int FirstStart { get; }

    /// <summary>Id of the mask token of masked language models; null if the vocabulary has none.</summary>
    public virtual int? MaskId => null;

    /// <summary>The special tokens around generated text; null for families that do not generate.</summary>
    public virtual GenerationTokens? Generation => null;

    /// <summary>Id of the token for what the vocabulary cannot spell; null if it can spell everything.</summary>
    public virtual int? UnknownId => null;

    /// <summary>The files that decide this tokenizer's ids, full paths; empty where it was not made from files.</summary>
    public virtual IReadOnlyList<string> Files => [];

    /// <summary>The tokenizer of a Hugging Face directory.</summary>
    /// <param name="directory">
    /// Holds <c>vocab.txt</c>, or <c>vocab.json</c> and <c>merges.txt</c>, or a SentencePiece model (<c>spiece.model</c>,
    /// <c>sentencepiece.bpe.model</c>, <c>spm.model</c>, <c>cog-pretrain.model</c>, <c>ice_text.model</c>), or <c>tokenizer.json</c>;
    /// <c>tokenizer_config.json</c> may be missing.
    /// </param>
    /// <param name="modelType">
    /// The family, as <c>model_type</c> of <c>config.json</c> names it: bert, distilbert, electra, roberta, deberta, albert, xlm-roberta, deberta-v2,
    /// gpt2, bart, glm, chatglm. It decides where no file names the tokenizer's class.
    /// </param>
    /// <exception cref="DirectoryNotFoundException">There is no such directory.</exception>
    /// <exception cref="FileNotFoundException">It holds no vocabulary, or half of one.</exception>
    /// <exception cref="InvalidDataException">A file is corrupt, or files contradict each other.</exception>
    /// <exception cref="NotSupportedException">The tokenizer is of a kind that is not WordPiece, byte-level BPE or unigram SentencePiece.</exception>
    public static TextTokenizer Load(string directory, string modelType) => TokenizerLoader.Load(directory, modelType);

    /// <summary>Names of the files in a directory that <see cref="Load"/> would read, without making a tokenizer of them.</summary>
    /// <inheritdoc cref="Load"/>
    public static IReadOnlyList<string> FilesOf(string directory) => TokenizerLoader.FilesOf(directory);

    /// <summary>A token as the vocabulary spells it; null if it has no such id.</summary>
    public virtual string? TokenOf(int id) => null;

    /// <summary>Turns ids into text one by one, as generation makes them.</summary>
    public abstract TokenDecoder OpenDecoder();

    /// <summary>The text of ids, without special tokens. It is the original text if the family's pieces keep all of it, as byte-level BPE's do.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return OpenDecoder().Decode(ids);
    }

    /// <summary>
    /// Tokens of a text alone, without special tokens. Special tokens written out in the text are plain text, but for the masks of GLM and ChatGLM.
    /// </summary>
    public abstract IReadOnlyList<Token> Tokenize(string text);

    /// <summary>The first tokens of a text: at least <paramref name="count"/>, or all if it has fewer.</summary>
    /// <remarks>The beginning of what <see cref="Tokenize"/> gives. It reads a long text only as far as needed, if it has a place to end at.</remarks>
    public IReadOnlyList<Token> TokenizeStart(string text, int count) => TokenizeStart(text, count, Tokenize);

    /// <summary>The same for words within a text: the beginning of what <see cref="TokenizeWord"/> gives.</summary>
    public IReadOnlyList<Token> TokenizeWordStart(string text, int count) => TokenizeStart(text, count, TokenizeWord);

    private IReadOnlyList<Token> TokenizeStart(string text, int count, Func<string, IReadOnlyList<Token>> tokenize)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (var length = Math.Max(LeastStart, CharactersPerToken * (long)count); length < text.Length; length *= 4)
        {
            var end = (int)length;
            while (end < text.Length && !IsBreak(text, end))
                end++;
            if (end == text.Length)
                break;
            if (tokenize(text[..end]) is var tokens && tokens.Count >= count)
                return tokens;
        }
        return tokenize(text);
    }

    /// <summary>
    /// Tokens of one word of a text that is split into words already, as it stands within a text: byte-level BPE and SentencePiece see a space
    /// before it.
    /// </summary>
    public virtual IReadOnlyList<Token> TokenizeWord(string word) => Tokenize(word);

    /// <summary>Whether the tokens up to a place do not depend on the text behind it.</summary>
    /// <param name="at">The first character behind the place; neither the text's first nor beyond its last.</param>
    protected virtual bool IsBreak(string text, int at) => false;

    /// <summary>A white-space character between two letters or digits: where words end for all kinds of tokenizers.</summary>
    protected static bool IsBetweenWords(string text, int at) =>
        text[at] is ' ' or '\n' && char.IsLetterOrDigit(text[at - 1]) && at + 1 < text.Length && char.IsLetterOrDigit(text[at + 1]);

    /// <summary>How many special tokens stand around a text, or around a pair of texts.</summary>
    public abstract int SpecialTokens(bool pair);

    /// <summary>Puts special tokens around the tokens of a text or a pair; nothing is cut.</summary>
    public abstract EncodedText Surround(IReadOnlyList<Token> first, IReadOnlyList<Token>? second);

    /// <summary>A text, or a pair, with its special tokens, cut to <paramref name="maxLength"/> tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> is smaller than the special tokens alone.</exception>
    /// <exception cref="ArgumentException">Only the second text may be shortened, but the first alone does not fit.</exception>
    public abstract EncodedText Encode(string first, string? second, int maxLength, Truncation truncation = Truncation.LongestFirst);
}
