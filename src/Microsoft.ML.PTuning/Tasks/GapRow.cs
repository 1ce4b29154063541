using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A text as a row of a language model that fills gaps (GLM, ChatGLM): a mask token in it, and what the decoder reads behind it.</summary>
/// <remarks>
/// <para>
/// The tokenizer says what begins the filling, which no <c>config.json</c> of GLM does. What ChatGLM's tokenizer puts there is the decoder's; GLM's puts
/// nothing, and the decoder has that token alone.
/// </para>
/// <para>A text without a mask gets one behind its last token. In other families the row is the text.</para>
/// </remarks>
/// <param name="Text">The text with its special tokens, those of the decoder included.</param>
internal sealed record GapRow(EncodedRow Row, EncodedText Text)
{
    /// <summary>How many tokens are added to a text, or a pair: special tokens, a mask, and what the decoder begins with.</summary>
    /// <param name="hasMask">Whether the text brings a mask.</param>
    public static int AddedTokens(TextTokenizer tokenizer, bool pair, bool hasMask = false)
    {
        var special = tokenizer.SpecialTokens(pair);
        if (GapsOf(tokenizer) is not { } gaps)
            return special;

        var tokens = tokenizer.Surround([], pair ? [] : null).Tokens;
        return special + (hasMask || HasMask(tokens, gaps) ? 0 : 1) + (BeginIn(tokens, gaps) < 0 ? 1 : 0);
    }

    /// <param name="maxLength">Tokens of the row, those of the decoder included; a longer text is shortened.</param>
    /// <param name="isLong">Whether a long text fills the gap; then its mask is [gMASK] where there is one.</param>
    /// <inheritdoc cref="TextTokenizer.Encode"/>
    public static GapRow Encode(TextTokenizer tokenizer, string first, string? second, int maxLength, bool isLong = false)
    {
        var added = AddedTokens(tokenizer, second is not null) - tokenizer.SpecialTokens(second is not null);
        return Of(tokenizer, tokenizer.Encode(first, second, maxLength - added), isLong);
    }

    /// <summary>The row of a text that has its special tokens.</summary>
    /// <inheritdoc cref="Encode"/>
    public static GapRow Of(TextTokenizer tokenizer, EncodedText text, bool isLong = false)
    {
        if (GapsOf(tokenizer) is not { } gaps)
            return new(EncodedRow.Of(text), text);

        if (!HasMask(text.Tokens, gaps))
            text = WithMask(text, (isLong ? gaps.LongMask : null) ?? tokenizer.MaskId!.Value, tokenizer);
        var row = EncodedRow.Of(text);
        var begin = BeginIn(text.Tokens, gaps);
        return new(
            (begin < 0 ? row : new(row.Ids[..begin], row.Segments[..begin])) with
            {
                DecoderIds = begin < 0 ? [gaps.Begin] : row.Ids[begin..],
                MaskPlace = PlaceOfGap(row.Ids, gaps),
            },
            text);
    }

    private static GenerationTokens? GapsOf(TextTokenizer tokenizer) => tokenizer.Generation is { Masks.Count: > 0 } gaps ? gaps : null;

    private static int PlaceOfGap(int[] ids, GenerationTokens gaps) =>
        gaps.FillsLongMaskFirst && Array.IndexOf(ids, gaps.LongMask ?? -1) is var place and >= 0 ? place : Array.FindIndex(ids, gaps.Masks.Contains);

    private static bool HasMask(Token[] tokens, GenerationTokens gaps) => tokens.Any(token => gaps.Masks.Contains(token.Id));

    private static int BeginIn(Token[] tokens, GenerationTokens gaps) => Array.FindIndex(tokens, token => token.Id == gaps.Begin);

    /// <summary>Puts a mask before the special tokens at the end.</summary>
    private static EncodedText WithMask(EncodedText text, int mask, TextTokenizer tokenizer)
    {
        var place = text.Tokens.Length - (tokenizer.SpecialTokens(pair: false) - tokenizer.FirstStart);
        return text with
        {
            Tokens = [.. text.Tokens[..place], new(mask, 0, 0), .. text.Tokens[place..]],
            Segments = [.. text.Segments[..place], text.Segments[^1], .. text.Segments[place..]],
            SecondStart = text.SecondStart == text.Tokens.Length ? text.SecondStart + 1 : text.SecondStart,
        };
    }
}
