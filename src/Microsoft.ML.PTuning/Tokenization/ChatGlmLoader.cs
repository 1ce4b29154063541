using System.Globalization;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Makes ChatGLM-6B's tokenizer, as <c>tokenization_chatglm.py</c> of THUDM's model does.</summary>
/// <remarks>
/// <c>A [gMASK] &lt;sop&gt;</c>, and for a pair <c>A [gMASK] &lt;sop&gt; B &lt;eop&gt;</c>: the second text is what the model answers. Ids of image tokens
/// stand in front of those of the model, 20,000 unless <c>num_image_tokens</c> says otherwise (0 in the last release). The model of the first release
/// lacks the special tokens and the pieces of white space and bytes, which are appended. A spelled <c>[MASK]</c> is the mask, <c>[gMASK]</c> is plain text.
/// </remarks>
internal static class ChatGlmLoader
{
    private const int UsualImageTokens = 20_000;

    private static readonly string[] SpecialTokens = ["[MASK]", "[gMASK]", "[sMASK]", "<unused_0>", "<sop>", "<eop>", "<ENC>", "<dBLOCK>"];

    private static readonly IReadOnlyList<SentencePiece> Appended =
    [
        .. SpecialTokens.Select(token => new SentencePiece(token, 0, PieceType.Control)),
        new SentencePiece(WhiteSpacePieces.Tab, 0, PieceType.UserDefined),
        .. Enumerable.Range(2, WhiteSpacePieces.LongestRun - 1).Select(spaces => new SentencePiece(WhiteSpacePieces.Run(spaces), 0, PieceType.UserDefined)),
        .. Enumerable.Range(0, byte.MaxValue + 1).Select(value =>
            new SentencePiece($"<0x{value.ToString("X2", CultureInfo.InvariantCulture)}>", 0, PieceType.Byte)),
    ];

    /// <param name="path">The SentencePiece model.</param>
    public static SentencePieceTextTokenizer Load(TokenizerFiles files, TokenizerSettings settings, string path)
    {
        if (settings.Flag("remove_space") ?? false)
        {
            throw new NotSupportedException(
                $"{files.Use(TokenizerFiles.Configuration)}: remove_space is true, which is not supported for ChatGLM; expected false, its default. " +
                "Use a backbone without it.");
        }

        var model = SentencePieceModel.Read(path, Appended);
        RequireWhiteSpace(model);
        var offset = settings.Number("num_image_tokens") ?? UsualImageTokens;
        var vocabulary = SentencePieceLoader.OfModel(model, offset);
        var steps = PreparationSteps.SpellWhiteSpace | (settings.Flag("do_lower_case") ?? false ? PreparationSteps.LowerCase : PreparationSteps.None);
        return new SentencePieceTextTokenizer(
            model, steps, splitDigitComma: false, new PieceNumbering(offset, model.UnknownId + offset), vocabulary.Size,
            Layout(settings, vocabulary), files.Read);
    }

    private static SpecialTokenLayout Layout(TokenizerSettings settings, Vocabulary vocabulary)
    {
        var mask = settings.SpecialToken("mask_token", "[MASK]", vocabulary);
        var longMask = settings.SpecialToken("gmask_token", "[gMASK]", vocabulary);
        var begin = settings.SpecialToken("bos_token", "<sop>", vocabulary);
        var end = settings.SpecialToken("eop_token", "<eop>", vocabulary); // eos_token is </s> in the first releases.
        return new SpecialTokenLayout(
            [],
            [longMask, begin],
            [longMask, begin],
            settings.SpecialToken("end_token", "</s>", vocabulary),
            settings.SpecialToken("pad_token", "<pad>", vocabulary))
        {
            AfterPair = [end],
            Mask = mask,
            Generation = new GenerationTokens(begin, end)
            {
                SentenceMask = settings.FindToken("smask_token", "[sMASK]", vocabulary),
                FillsLongMaskFirst = true,
                LongMask = longMask,
                Masks = [mask, longMask],
            },
            Spelled = [settings.Spelled(settings.Text("mask_token") ?? "[MASK]", mask, eatsBefore: false)],
            Special = settings.SpecialIds(vocabulary, ["<unk>", "<s>", "</s>", "<pad>", .. SpecialTokens]),
        };
    }

    private static void RequireWhiteSpace(SentencePieceModel model)
    {
        if (!model.Pieces.Any(piece => piece.Text == WhiteSpacePieces.LineBreak))
        {
            throw new InvalidDataException(
                $"{model.Path}: expected ChatGLM's piece for a line break, {WhiteSpacePieces.LineBreak}, " +
                $"but it is not among the {model.Pieces.Count} pieces. " +
                $"Fetch {TokenizerFiles.ChatGlm} of ChatGLM-6B, or name another tokenizer_class in {TokenizerFiles.Configuration}.");
        }
    }
}
