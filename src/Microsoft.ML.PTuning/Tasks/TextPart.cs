using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A text to go on from, and in training the text that should follow.</summary>
/// <param name="Tokenizer">Turns what is written into text.</param>
internal sealed record TextPart(EncodedRow Row, TextTokenizer Tokenizer) : ExamplePart([Row], new float[Row.NextIds.Length])
{
    /// <summary>The tokens that are learned; none when scoring.</summary>
    public int[] NextIds => Row.NextIds;

    /// <param name="decoderStart">What the decoder reads first; null for the token that a written text begins with.</param>
    /// <param name="continues">Whether the decoder reads the text's last token first instead.</param>
    /// <param name="target">The text that should follow; null to write one.</param>
    /// <param name="maxLength">Tokens of the text.</param>
    /// <param name="maxTarget">Tokens of the target, its end included; a longer one is cut, and then has no end.</param>
    public static Example Encode(
        TextTokenizer tokenizer, int? decoderStart, bool continues, string text, string? target, int maxLength, int maxTarget)
    {
        var special = tokenizer.Generation!;
        var (row, source) = GapRow.Encode(tokenizer, text, second: null, maxLength, isLong: true);
        row = row with { DecoderIds = [decoderStart ?? special.Begin] };
        if (continues)
            row = row with { Ids = row.Ids[..^1], Segments = row.Segments[..^1], DecoderIds = [row.Ids[^1]] };
        if (target is null)
            return new([new TextPart(row, tokenizer)], source.DroppedTokens > 0);

        int[] next = [.. decoderStart is null ? [] : (int[])[special.Begin], .. tokenizer.Tokenize(target).Select(token => token.Id), special.End];
        var isCut = next.Length > maxTarget;
        if (isCut)
            next = next[..maxTarget];
        row = row with { DecoderIds = [.. row.DecoderIds, .. next[..^1]], NextIds = next };
        return new([new TextPart(row, tokenizer)], source.DroppedTokens > 0 || isCut);
    }
}
