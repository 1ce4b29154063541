using System.Buffers;
using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Steps that a text goes through before SentencePiece sees it.</summary>
[Flags]
internal enum PreparationSteps
{
    None = 0,

    /// <summary>All white space becomes spaces.</summary>
    SplitWhiteSpace = 1,

    /// <summary><c>``</c> and <c>''</c> become one quotation mark.</summary>
    ReplaceQuotes = 2,

    /// <summary>Characters are decomposed (NFKD) and lose their marks.</summary>
    StripAccents = 4,

    LowerCase = 8,

    /// <summary>Line breaks, tabs and runs of spaces become the pieces that stand for them.</summary>
    SpellWhiteSpace = 16,
}

/// <summary>Hugging Face's steps before SentencePiece, with offsets into the original text.</summary>
/// <remarks>
/// ALBERT takes the first four (Lan et al. 2020, <c>tokenization.py</c>), DeBERTa may lower the case, ChatGLM spells white space. Each letter is
/// converted by itself, as in Hugging Face's fast tokenizers. Lone surrogates become U+FFFD.
/// </remarks>
internal sealed class TextPreparation
{
    /// <summary>The one code point that <see cref="string.Normalize()"/> refuses beside lone surrogates.</summary>
    private const int NotACharacter = 0xFFFE;

    private readonly PreparationSteps _steps;

    /// <exception cref="PlatformNotSupportedException">Accents are to be stripped in a process that runs without Unicode normalisation.</exception>
    public TextPreparation(PreparationSteps steps)
    {
        _steps = steps;
        if (Has(PreparationSteps.StripAccents))
            BertNormalizer.RequireUnicodeNormalization();
    }

    public NormalizedText Prepare(string text)
    {
        var prepared = new NormalizedText(text.Length);
        for (var start = 0; start < text.Length;)
        {
            var rest = text.AsSpan(start);
            if (Has(PreparationSteps.SpellWhiteSpace) && WhiteSpacePieces.Spell(rest, out var spaces) is { } piece)
            {
                foreach (var character in piece)
                    prepared.Add(character, start, start + spaces);
                start += spaces;
                continue;
            }

            var wellFormed = Rune.DecodeFromUtf16(rest, out var rune, out var length) == OperationStatus.Done;
            if (Has(PreparationSteps.ReplaceQuotes) && (rest.StartsWith("``") || rest.StartsWith("''")))
                (rune, length) = (new Rune('"'), 2);
            else if (Has(PreparationSteps.SplitWhiteSpace) && wellFormed && IsWhiteSpace(rune))
                rune = new Rune(' ');

            Add(prepared, rune, start, start + length);
            start += length;
        }

        return prepared;
    }

    private void Add(NormalizedText prepared, Rune rune, int start, int end)
    {
        if (!Has(PreparationSteps.StripAccents) || rune.IsAscii || rune.Value == NotACharacter)
        {
            AddCased(prepared, rune, start, end);
            return;
        }

        foreach (var part in rune.ToString().Normalize(NormalizationForm.FormKD).EnumerateRunes())
        {
            if (IsMark(part))
                prepared.ExtendLast(end);
            else
                AddCased(prepared, part, start, end);
        }
    }

    private void AddCased(NormalizedText prepared, Rune rune, int start, int end)
    {
        if (Has(PreparationSteps.LowerCase))
            prepared.AddLowerCase(rune, start, end);
        else
            prepared.Add(rune, start, end);
    }

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private bool Has(PreparationSteps step) => (_steps & step) != 0;

    /// <summary>Python's notion, which counts the four ASCII separators.</summary>
    private static bool IsWhiteSpace(Rune rune) => rune.Value is >= 0x1C and <= 0x1F || Rune.IsWhiteSpace(rune);
}
