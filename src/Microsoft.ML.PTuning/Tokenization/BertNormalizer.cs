using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>BERT's normalisation (Devlin et al. 2019, <c>tokenization.py</c>), with offsets into the original text.</summary>
/// <remarks>
/// Control and format characters are removed, white space becomes a space, and Chinese characters become words. Uncased models lose accents and capitals.
/// Microsoft.ML.Tokenizers' own normaliser keeps no offsets, removes tabs and line breaks so that words run together, keeps format characters
/// such as U+200B, and composes what it decomposed.
/// Lower-casing goes character by character, as Hugging Face's fast tokenizers do: a capital sigma becomes σ also at the end of a word.
/// </remarks>
internal sealed class BertNormalizer
{
    private readonly bool _lowerCase;
    private readonly bool _stripAccents;
    private readonly bool _splitChineseCharacters;

    /// <exception cref="PlatformNotSupportedException">Accents are to be stripped in a process that runs without Unicode normalisation.</exception>
    public BertNormalizer(bool lowerCase, bool stripAccents, bool splitChineseCharacters)
    {
        if (stripAccents)
            RequireUnicodeNormalization();

        _lowerCase = lowerCase;
        _stripAccents = stripAccents;
        _splitChineseCharacters = splitChineseCharacters;
    }

    /// <exception cref="PlatformNotSupportedException">The process runs without Unicode normalisation.</exception>
    public static void RequireUnicodeNormalization()
    {
        if ("é".Normalize(NormalizationForm.FormD).Length == 1)
        {
            throw new PlatformNotSupportedException(
                "This tokenizer strips accents, which takes Unicode normalisation, but the process runs with InvariantGlobalization and has none. " +
                "Set InvariantGlobalization to false (on Linux, install ICU), or use a cased model.");
        }
    }

    public bool SplitsChineseCharacters => _splitChineseCharacters;

    public NormalizedText Normalize(string text)
    {
        var normalized = new NormalizedText(text.Length);
        for (var start = 0; start < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(start), out var rune, out var length) == System.Buffers.OperationStatus.Done)
                Add(normalized, rune, start, start + length);
            start += length;
        }

        return normalized;
    }

    private void Add(NormalizedText normalized, Rune rune, int start, int end)
    {
        if (rune.IsAscii && rune.Value > ' ' && rune.Value < 0x7F)
            normalized.Add(_lowerCase ? char.ToLowerInvariant((char)rune.Value) : (char)rune.Value, start, end);
        else if (rune.Value is '\t' or '\n' or '\r' || (Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune)))
            normalized.Add(' ', start, end);
        else if (!IsRemoved(rune))
            AddLetter(normalized, rune, start, end);
    }

    private void AddLetter(NormalizedText normalized, Rune rune, int start, int end)
    {
        var alone = _splitChineseCharacters && IsChinese(rune.Value);
        if (alone)
            normalized.Add(' ', start, start);

        if (_stripAccents)
            AddWithoutAccents(normalized, rune, start, end);
        else
            AddCased(normalized, rune, start, end);

        if (alone)
            normalized.Add(' ', end, end);
    }

    private void AddWithoutAccents(NormalizedText normalized, Rune rune, int start, int end)
    {
        foreach (var part in rune.ToString().Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(part) == UnicodeCategory.NonSpacingMark)
                normalized.ExtendLast(end);
            else
                AddCased(normalized, part, start, end);
        }
    }

    private void AddCased(NormalizedText normalized, Rune rune, int start, int end)
    {
        if (_lowerCase)
            normalized.AddLowerCase(rune, start, end);
        else
            normalized.Add(rune, start, end);
    }

    private static bool IsRemoved(Rune rune) => rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;

    /// <summary>Whether a character is in one of the blocks whose characters BERT reads as words.</summary>
    public static bool IsChinese(int codePoint) => codePoint is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F) or
        (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B820 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
