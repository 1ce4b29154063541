namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Makes the tokenizer of a directory with a SentencePiece model, with its family's ids and special tokens.</summary>
internal static class SentencePieceLoader
{
    private const string XlmRobertaMask = "<mask>";

    /// <summary>What XLM-R's model begins with; its ids begin with <see cref="XlmRobertaTokens"/> instead, and all others move by one.</summary>
    private static readonly string[] XlmRobertaPieces = ["<unk>", "<s>", "</s>"];
    private static readonly string[] XlmRobertaTokens = ["<s>", "<pad>", "</s>", "<unk>"];

    public static TextTokenizer Load(TokenizerFiles files, TokenizerSettings settings, string modelType)
    {
        var family = FamilyOf(files, settings, modelType);
        var path = files.Use(Present(files));
        if (family == TokenizerFamily.ChatGlm)
            return ChatGlmLoader.Load(files, settings, path);

        var model = SentencePieceModel.Read(path);
        return family switch
        {
            TokenizerFamily.Albert => Albert(files, settings, model),
            TokenizerFamily.XlmRoberta => XlmRoberta(files, settings, model),
            TokenizerFamily.Glm => Glm(files, settings, model),
            _ => DebertaV2(files, settings, model),
        };
    }

    /// <summary>The vocabulary of a family that takes ids straight from the model.</summary>
    /// <param name="offset">What is added to each.</param>
    public static Vocabulary OfModel(SentencePieceModel model, int offset = 0) => new(
        model.Pieces.Select((piece, number) => (piece.Text, Id: number + offset)).ToDictionary(piece => piece.Text, piece => piece.Id, StringComparer.Ordinal),
        model.Path);

    private static TokenizerFamily FamilyOf(TokenizerFiles files, TokenizerSettings settings, string modelType)
    {
        var family = TokenizerFamilies.Named(settings.Class) ?? TokenizerFamilies.OfModel(modelType);
        return family is TokenizerFamily.Albert or TokenizerFamily.XlmRoberta or TokenizerFamily.DebertaV2 or TokenizerFamily.Glm or TokenizerFamily.ChatGlm
            ? family.Value
            : throw new NotSupportedException(
                $"{files.Directory}: nothing says which family's ids the SentencePiece model has; expected a model of type albert, xlm-roberta, " +
                $"deberta-v2 or chatglm, but found '{modelType}'. Name AlbertTokenizer, XLMRobertaTokenizer, DebertaV2Tokenizer, " +
                $"{TokenizerFamilies.GlmSentencePiece} or ChatGLMTokenizer as tokenizer_class in {TokenizerFiles.Configuration}.");
    }

    private static SentencePieceTextTokenizer Albert(TokenizerFiles files, TokenizerSettings settings, SentencePieceModel model)
    {
        var vocabulary = OfModel(model);
        var layout = SpecialTokenLayout.Enclosing(
            settings.SpecialToken("cls_token", "[CLS]", vocabulary),
            settings.SpecialToken("sep_token", "[SEP]", vocabulary),
            settings.SpecialToken("pad_token", "<pad>", vocabulary)) with
        {
            SecondSegment = 1,
            Mask = settings.MaskToken("[MASK]", vocabulary),
            Special = settings.SpecialIds(vocabulary, TokenizerFamilies.BertTokens),
        };

        var steps = PreparationSteps.ReplaceQuotes
            | (settings.Flag("remove_space") ?? true ? PreparationSteps.SplitWhiteSpace : PreparationSteps.None)
            | (settings.Flag("keep_accents") ?? false ? PreparationSteps.None : PreparationSteps.StripAccents)
            | (settings.Flag("do_lower_case") ?? true ? PreparationSteps.LowerCase : PreparationSteps.None);

        return new SentencePieceTextTokenizer(
            model, steps, splitDigitComma: true, new PieceNumbering(0, model.UnknownId), vocabulary.Size, layout, files.Read);
    }

    private static SentencePieceTextTokenizer XlmRoberta(TokenizerFiles files, TokenizerSettings settings, SentencePieceModel model)
    {
        if (!model.Pieces.Take(XlmRobertaPieces.Length).Select(piece => piece.Text).SequenceEqual(XlmRobertaPieces))
        {
            throw new InvalidDataException(
                $"{model.Path}: expected XLM-R's first pieces, {string.Join(", ", XlmRobertaPieces)}, " +
                $"but found {string.Join(", ", model.Pieces.Take(XlmRobertaPieces.Length).Select(piece => piece.Text))}. " +
                $"Fetch the model of this backbone, or name another tokenizer_class in {TokenizerFiles.Configuration}.");
        }

        var ids = model.Pieces.Select((piece, number) => (piece.Text, Id: number + 1)).Skip(XlmRobertaPieces.Length)
            .ToDictionary(piece => piece.Text, piece => piece.Id, StringComparer.Ordinal);
        for (var id = 0; id < XlmRobertaTokens.Length; id++)
            ids[XlmRobertaTokens[id]] = id;
        ids[XlmRobertaMask] = model.Pieces.Count + 1;
        var vocabulary = new Vocabulary(ids, model.Path);

        var layout = SpecialTokenLayout.Enclosing(
            settings.SpecialToken("cls_token", "<s>", vocabulary),
            settings.SpecialToken("sep_token", "</s>", vocabulary),
            settings.SpecialToken("pad_token", "<pad>", vocabulary),
            between: 2) with
        {
            Mask = settings.MaskToken("<mask>", vocabulary),
            Special = settings.SpecialIds(vocabulary, TokenizerFamilies.RobertaTokens),
        };

        return new SentencePieceTextTokenizer(
            model, PreparationSteps.None, splitDigitComma: false, new PieceNumbering(1, ids["<unk>"]), vocabulary.Size, layout, files.Read);
    }

    private static SentencePieceTextTokenizer DebertaV2(TokenizerFiles files, TokenizerSettings settings, SentencePieceModel model)
    {
        if (settings.Flag("split_by_punct") ?? false)
        {
            throw new NotSupportedException(
                $"{files.Use(TokenizerFiles.Configuration)}: split_by_punct is true, which is not supported; expected false, its default. " +
                "Use a backbone without it.");
        }

        var vocabulary = OfModel(model);
        var layout = SpecialTokenLayout.Enclosing(
            settings.SpecialToken("cls_token", "[CLS]", vocabulary),
            settings.SpecialToken("sep_token", "[SEP]", vocabulary),
            settings.SpecialToken("pad_token", "[PAD]", vocabulary)) with
        {
            SecondSegment = 1,
            Special = settings.SpecialIds(vocabulary, TokenizerFamilies.BertTokens),
            Mask = settings.MaskToken("[MASK]", vocabulary) ?? vocabulary.Size, // Added behind the model's pieces if it is none of them.
        };

        var steps = settings.Flag("do_lower_case") ?? false ? PreparationSteps.LowerCase : PreparationSteps.None;
        return new SentencePieceTextTokenizer(
            model, steps, splitDigitComma: false, new PieceNumbering(0, model.UnknownId), vocabulary.Size, layout, files.Read);
    }

    /// <remarks>Unknown characters have the model's own id, as <c>PieceToId</c> gives it, and not that of <c>[UNK]</c>.</remarks>
    private static SentencePieceTextTokenizer Glm(TokenizerFiles files, TokenizerSettings settings, SentencePieceModel model)
    {
        var vocabulary = OfModel(model);
        return new SentencePieceTextTokenizer(
            model, PreparationSteps.None, splitDigitComma: false, new PieceNumbering(0, model.UnknownId), vocabulary.Size,
            GlmTokens.Layout(settings, vocabulary), files.Read);
    }

    private static string Present(TokenizerFiles files) => files.FindSentencePiece() ?? throw new FileNotFoundException(
        $"{files.Directory}: {TokenizerFiles.Configuration} names a SentencePiece tokenizer, which takes " +
        $"{string.Join(" or ", TokenizerFiles.SentencePiece)}, but there is none ({TokenizerFiles.Fast} is not read in its place). " +
        "Copy it beside the weights.");
}
