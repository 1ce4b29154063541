namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>GLM's special tokens (Du et al. 2022), placed as by <c>tokenization_glm.py</c>, which THUDM publishes with its models.</summary>
/// <remarks>
/// <c>[CLS] A &lt;|endoftext|&gt;</c> for GLMGPT2Tokenizer and GLMChineseTokenizer, <c>[CLS] A [SEP]</c> for GLMBertTokenizer. The first two know no pairs;
/// for these <c>[SEP]</c> stands between the texts, as in <c>build_input_from_ids</c> of GLM's own <c>tasks/data_utils.py</c>. A text that is too long loses
/// its beginning (<c>truncation_side</c>), since its mask usually stands at the end. Masks that a text spells are masks, and eat the white space before
/// them, as in GLM's own <c>data_utils/tokenization.py</c> (<c>lstrip=True</c>); the port adds <c>[gMASK]</c> and <c>[sMASK]</c>.
/// </remarks>
internal static class GlmTokens
{
    private const string EndOfText = "<|endoftext|>", BeginOfPiece = "<|startofpiece|>", EndOfPiece = "<|endofpiece|>";

    private const string Mask = "[MASK]", SentenceMask = "[sMASK]", LongMask = "[gMASK]";

    /// <summary>The layout of GPT-2's and SentencePiece's pieces.</summary>
    public static SpecialTokenLayout Layout(TokenizerSettings settings, Vocabulary vocabulary)
    {
        var separator = settings.SpecialToken("sep_token", "[SEP]", vocabulary);
        var layout = new SpecialTokenLayout(
            [settings.SpecialToken("cls_token", "[CLS]", vocabulary)],
            [separator],
            [settings.SpecialToken("eos_token", EndOfText, vocabulary)],
            separator,
            settings.SpecialToken("pad_token", EndOfText, vocabulary));

        return AddTo(layout, settings, vocabulary);
    }

    /// <summary>Masks, and the tokens around generated text, to a layout.</summary>
    public static SpecialTokenLayout AddTo(SpecialTokenLayout layout, TokenizerSettings settings, Vocabulary vocabulary)
    {
        var mask = settings.SpecialToken("mask_token", Mask, vocabulary);
        var sentence = settings.FindToken("smask_token", SentenceMask, vocabulary);
        var @long = settings.FindToken("gmask_token", LongMask, vocabulary);
        return layout with
        {
            KeepsEnd = true,
            Mask = mask,
            Generation = new GenerationTokens(
                settings.SpecialToken("sop_token", BeginOfPiece, vocabulary),
                settings.SpecialToken("eop_token", EndOfPiece, vocabulary))
            {
                EndOfText = layout.After[^1],
                SentenceMask = sentence,
                LongMask = @long,
                Masks = [.. new[] { mask, sentence, @long }.OfType<int>()],
            },
            Spelled =
            [
                settings.Spelled(settings.Text("mask_token") ?? Mask, mask, eatsBefore: true),
                .. sentence is { } id ? [settings.Spelled(SentenceMask, id, eatsBefore: true)] : Array.Empty<SpelledToken>(),
                .. @long is { } other ? [settings.Spelled(LongMask, other, eatsBefore: true)] : Array.Empty<SpelledToken>(),
            ],
            Special = settings.SpecialIds(vocabulary, [EndOfText, BeginOfPiece, EndOfPiece, Mask, SentenceMask, LongMask, .. TokenizerFamilies.BertTokens]),
        };
    }
}
