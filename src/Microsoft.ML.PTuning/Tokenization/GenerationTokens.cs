namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Ids of the special tokens that stand around generated text.</summary>
/// <param name="Begin">Stands before generated text: GPT-2's end of text, BART's <c>&lt;s&gt;</c>, GLM's start of a piece, [CLS] of BERT's tokenizer.</param>
/// <param name="End">Ends it: GPT-2's end of text, BART's <c>&lt;/s&gt;</c>, GLM's end of a piece, [SEP] of BERT's tokenizer.</param>
internal sealed record GenerationTokens(int Begin, int End)
{
    /// <summary>Ends the text that generation goes on from: GLM's <c>&lt;|endoftext|&gt;</c>. It is <see cref="End"/> in other families.</summary>
    public int EndOfText { get; init; } = End;

    /// <summary>GLM's <c>[sMASK]</c>, which stands for sentences; null if there is none.</summary>
    public int? SentenceMask { get; init; }

    /// <summary>GLM's <c>[gMASK]</c>, which stands for a long text; null if there is none.</summary>
    public int? LongMask { get; init; }

    /// <summary>Ids of the masks that generated text fills, the first that stands in the text; empty for families that go on behind the text.</summary>
    public IReadOnlyList<int> Masks { get; init; } = [];

    /// <summary>Whether <see cref="LongMask"/> is filled if the text has one, wherever other masks stand, as ChatGLM does.</summary>
    public bool FillsLongMaskFirst { get; init; }

    public IEnumerable<int> Ids => [Begin, End, EndOfText, .. Masks];
}
