using System.Text;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Where the words of a sentence come from.</summary>
internal enum WordSource
{
    /// <summary>The column holds them, one by one.</summary>
    Given,

    /// <summary>The column holds a text; white space ends a word.</summary>
    WhiteSpace,

    /// <summary>The column holds a text; white space ends a word, each punctuation mark and each Chinese character is a word.</summary>
    PunctuationApart,

    /// <summary>The column decides, in models that were not trained here: its words, or those of its text, punctuation apart.</summary>
    ByColumn,
}

/// <summary>A word as characters of its text: [Start, End).</summary>
internal readonly record struct Word(int Start, int End)
{
    public bool IsEmpty => Start == End;

    public Word Moved(int by) => new(Start + by, End + by);
}

/// <summary>The words of a sentence and the tokens of each.</summary>
/// <param name="Words">Words in order. If they were given one by one, offsets are those of the text that joins them by spaces.</param>
/// <param name="Tokens">The tokens of each word; none if the tokenizer drops the whole word.</param>
/// <param name="Visible">
/// The words without invisible characters at their edges, and without others that the tokenizer drops there. Entities begin and end at these offsets.
/// Empty if the whole word is invisible.
/// </param>
/// <param name="Length">Characters of the text.</param>
internal sealed record SentenceWords(
    IReadOnlyList<Word> Words, IReadOnlyList<IReadOnlyList<Token>> Tokens, IReadOnlyList<Word> Visible, int Length)
{
    /// <summary>Words that are given one by one. Each is tokenised on its own, as after a space.</summary>
    public static SentenceWords Of(IReadOnlyList<string> words, TextTokenizer tokenizer)
    {
        var located = Located(words);
        IReadOnlyList<Token>[] tokens = [.. words.Select(tokenizer.TokenizeWord)];
        Word[] visible = [.. words.Select((word, i) => VisibleOf(word, new Word(0, word.Length), tokens[i]).Moved(located[i].Start))];
        return new(located, tokens, visible, Math.Max(0, words.Sum(word => word.Length + 1) - 1));
    }

    /// <summary>A text. It is tokenised as a whole, and each token belongs to its word. Words that share a token are tokenised one by one.</summary>
    public static SentenceWords Of(string text, WordSource source, TextTokenizer tokenizer)
    {
        var words = Split(text, source);
        var tokens = new IReadOnlyList<Token>[words.Count];
        var visible = new Word[words.Count];
        var all = tokenizer.Tokenize(text);
        var next = 0;
        for (var word = 0; word < tokens.Length; word++)
        {
            var own = new List<Token>();
            var isShared = next > 0 && EndOf(all[next - 1]) > words[word].Start;
            for (; next < all.Count && all[next].Start < words[word].End; next++)
            {
                var isOwn = EndOf(all[next]) > words[word].Start || IsSpaceBefore(words[word], all[next], text);
                if (isOwn)
                    own.Add(all[next]);
                isShared |= isOwn && word + 1 < tokens.Length && EndOf(all[next]) > words[word + 1].Start;
            }
            if (isShared)
            {
                var alone = text[words[word].Start..words[word].End];
                tokens[word] = tokenizer.TokenizeWord(alone);
                visible[word] = VisibleOf(alone, new Word(0, alone.Length), tokens[word]).Moved(words[word].Start);
            }
            else
            {
                tokens[word] = own;
                visible[word] = VisibleOf(text, words[word], own);
            }
        }
        return new SentenceWords(words, tokens, visible, text.Length);
    }

    /// <summary>The words of a text.</summary>
    public static IReadOnlyList<Word> Split(string text, WordSource source)
    {
        var words = new List<Word>();
        if (source == WordSource.PunctuationApart)
        {
            for (var found = new BertWords(text); found.MoveNext();)
                AddApart(words, text, found.Start, found.End);
            return words;
        }

        for (var start = 0; start < text.Length;)
        {
            var end = start;
            while (end < text.Length && !char.IsWhiteSpace(text[end]))
                end++;
            if (end > start)
                words.Add(new Word(start, end));
            start = end + 1;
        }
        return words;
    }

    // Chinese is written without spaces; each character stands for itself, as in BERT's own normaliser.
    private static void AddApart(List<Word> words, string text, int start, int end)
    {
        var begun = start;
        for (var at = start; at < end;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length);
            if (BertNormalizer.IsChinese(rune.Value))
            {
                if (begun < at)
                    words.Add(new Word(begun, at));
                words.Add(new Word(at, at + length));
                begun = at + length;
            }
            at += length;
        }
        if (begun < end)
            words.Add(new Word(begun, end));
    }

    // From the first character that a token stands for to the last, without invisible ones that the tokenizer keeps.
    private static Word VisibleOf(string text, Word word, IReadOnlyList<Token> tokens)
    {
        var (start, end) = (word.End, word.Start);
        foreach (var token in tokens)
            if (token.Length > 0)
                (start, end) = (Math.Min(start, token.Start), Math.Max(end, EndOf(token)));
        (start, end) = (Math.Max(start, word.Start), Math.Min(end, word.End));
        if (start >= end)
            return new Word(word.Start, word.Start);
        (start, end) = InvisibleCharacters.Trim(text, start, end);
        return new Word(start, end);
    }

    private static int EndOf(Token token) => token.Start + token.Length;

    // The space before a word, where it is a token of its own; in a word that stands alone it is the first token.
    private static bool IsSpaceBefore(Word word, Token token, string text) =>
        EndOf(token) == word.Start && text.AsSpan(token.Start, token.Length) is "" or " ";

    private static Word[] Located(IReadOnlyList<string> words)
    {
        var located = new Word[words.Count];
        var start = 0;
        for (var i = 0; i < located.Length; i++)
        {
            located[i] = new Word(start, start + words[i].Length);
            start = located[i].End + 1;
        }
        return located;
    }
}
