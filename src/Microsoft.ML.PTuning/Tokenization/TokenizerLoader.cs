namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Makes the tokenizer of a Hugging Face directory, with Hugging Face's defaults.</summary>
internal static class TokenizerLoader
{
    private const string RobertaType = "roberta", GlmType = "glm";

    private const string SupportedFamilies = "BERT, RoBERTa, DeBERTa, ALBERT, XLM-R, GPT-2, BART, GLM or ChatGLM-6B";

    private static readonly string[] Vocabularies =
        [TokenizerFiles.Lines, TokenizerFiles.Tokens, TokenizerFiles.Merges, .. TokenizerFiles.SentencePiece];

    private enum Kind
    {
        WordPiece,
        ByteLevelBpe,
        SentencePiece,
    }

    public static TextTokenizer Load(string directory, string modelType)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelType);

        var files = new TokenizerFiles(directory);
        var settings = new TokenizerSettings(files);
        var json = FastForm(files);
        var kind = KindOf(files, settings, json);
        if (json is not null)
            settings.Add(json);
        if (modelType == GlmType && settings.Class is null)
        {
            throw new InvalidDataException(
                $"{directory}: expected GLM's tokenizer class, {TokenizerFamilies.GlmByteLevel}, {TokenizerFamilies.GlmWordPiece} or " +
                $"{TokenizerFamilies.GlmSentencePiece}, as tokenizer_class in {TokenizerFiles.Configuration}, but found none. " +
                "Fetch this file from the model's repository.");
        }

        return kind switch
        {
            Kind.WordPiece => WordPiece(files, settings, json, modelType),
            Kind.ByteLevelBpe => ByteLevelBpeLoader.Load(files, settings, json, modelType),
            _ => SentencePieceLoader.Load(files, settings, modelType),
        };
    }

    public static IReadOnlyList<string> FilesOf(string directory)
    {
        var files = new TokenizerFiles(directory);
        var settings = new TokenizerSettings(files);
        var json = FastForm(files);
        IEnumerable<string> vocabulary = KindOf(files, settings, json) switch
        {
            Kind.WordPiece => [TokenizerFiles.Lines],
            Kind.ByteLevelBpe => [TokenizerFiles.Tokens, TokenizerFiles.Merges],
            _ => TokenizerFiles.SentencePiece,
        };
        return [.. files.Read.Select(path => Path.GetFileName(path)), .. vocabulary.Where(files.Has)];
    }

    private static TokenizerJson? FastForm(TokenizerFiles files) =>
        files.FindSentencePiece() is null && TokenizerFiles.CountsFast(files.Has) && files.Has(TokenizerFiles.Fast) ? new TokenizerJson(files) : null;

    private static Kind KindOf(TokenizerFiles files, TokenizerSettings settings, TokenizerJson? json)
    {
        var found = KindOfFiles(files, json);
        var named = settings.Class;
        Kind? declared = named is null or "PreTrainedTokenizerFast" or "TokenizersBackend" ? null : TokenizerFamilies.Named(named) switch
        {
            TokenizerFamily.Bert => Kind.WordPiece,
            TokenizerFamily.Roberta or TokenizerFamily.Deberta or TokenizerFamily.Gpt2 or TokenizerFamily.Bart => Kind.ByteLevelBpe,
            TokenizerFamily.Albert or TokenizerFamily.XlmRoberta or TokenizerFamily.DebertaV2 or TokenizerFamily.ChatGlm => Kind.SentencePiece,
            TokenizerFamily.Glm => named switch
            {
                TokenizerFamilies.GlmByteLevel => Kind.ByteLevelBpe,
                TokenizerFamilies.GlmWordPiece => Kind.WordPiece,
                _ => Kind.SentencePiece,
            },
            _ => throw new NotSupportedException(
                $"{files.Use(TokenizerFiles.Configuration)}: the tokenizer class {named} is not supported; " +
                $"expected that of {SupportedFamilies}, such as BertTokenizer. Use a backbone with one of these."),
        };

        if (declared is not null && found is not null && declared != found)
        {
            throw new InvalidDataException(
                $"{files.Directory}: {TokenizerFiles.Configuration} names {named}, a {declared} tokenizer, but the vocabulary files are those of {found}. " +
                "Correct tokenizer_class, or fetch the files of one tokenizer.");
        }

        return declared ?? found ?? throw new InvalidDataException(
            $"{files.Directory}: holds vocabularies of several kinds of tokenizer, {string.Join(", ", Vocabularies.Where(files.Has))}, " +
            $"and nothing says which counts. Name the tokenizer_class in {TokenizerFiles.Configuration}, or take the other files away.");
    }

    /// <returns>Null where there are files of several kinds.</returns>
    private static Kind? KindOfFiles(TokenizerFiles files, TokenizerJson? json)
    {
        var kinds = new List<Kind>();
        if (files.Has(TokenizerFiles.Lines))
            kinds.Add(Kind.WordPiece);
        if (files.Has(TokenizerFiles.Tokens) || files.Has(TokenizerFiles.Merges))
            kinds.Add(Kind.ByteLevelBpe);
        if (files.FindSentencePiece() is not null)
            kinds.Add(Kind.SentencePiece);
        if (kinds.Count > 0)
            return kinds.Count == 1 ? kinds[0] : null;

        return json?.ModelType switch
        {
            "WordPiece" => Kind.WordPiece,
            "BPE" => Kind.ByteLevelBpe,
            "Unigram" => throw new NotSupportedException(
                $"{json.Path}: a Unigram tokenizer is not read from {TokenizerFiles.Fast}; expected its SentencePiece model. " +
                $"Copy {string.Join(" or ", TokenizerFiles.SentencePiece)} beside it."),
            null => throw NoVocabulary(files),
            var type => throw new NotSupportedException(
                $"{json.Path}: a tokenizer of type '{type}' is not supported; expected WordPiece or BPE. Use a backbone with one of these."),
        };
    }

    private static Exception NoVocabulary(TokenizerFiles files)
    {
        const string OtherSentencePiece = "tokenizer.model";
        if (files.Has(OtherSentencePiece))
        {
            return new NotSupportedException(
                $"{Path.Combine(files.Directory, OtherSentencePiece)}: the tokenizers of decoders such as Llama are not supported; expected that of " +
                $"{SupportedFamilies}. Use a backbone with one of these.");
        }

        return new FileNotFoundException(
            $"{files.Directory}: expected {TokenizerFiles.Lines}, or {TokenizerFiles.Tokens} and {TokenizerFiles.Merges}, " +
            $"or {string.Join(" or ", TokenizerFiles.SentencePiece)}, or {TokenizerFiles.Fast}, " +
            "but found none of them. Copy the tokenizer's files beside the weights.");
    }

    private static WordPieceTextTokenizer WordPiece(TokenizerFiles files, TokenizerSettings settings, TokenizerJson? json, string modelType)
    {
        json?.Expect("normalizer", "BertNormalizer");
        json?.Expect("pre_tokenizer", "BertPreTokenizer");
        json?.ExpectModel("continuing_subword_prefix", "##");
        json?.ExpectModel("max_input_chars_per_word", "100");

        var vocabulary = files.Has(TokenizerFiles.Lines) ? Vocabulary.ReadLines(files.Use(TokenizerFiles.Lines)) : json!.ReadVocabulary();
        var layout = SpecialTokenLayout.Enclosing(
            settings.SpecialToken("cls_token", "[CLS]", vocabulary),
            settings.SpecialToken("sep_token", "[SEP]", vocabulary),
            settings.SpecialToken("pad_token", "[PAD]", vocabulary)) with
        {
            SecondSegment = modelType == RobertaType ? 0 : 1,
            Mask = settings.MaskToken("[MASK]", vocabulary),
            Special = settings.SpecialIds(vocabulary, TokenizerFamilies.BertTokens),
        };
        layout = TokenizerFamilies.Named(settings.Class) == TokenizerFamily.Glm
            ? GlmTokens.AddTo(layout, settings, vocabulary) with { SecondSegment = 0 }
            : AddGeneration(layout, modelType);

        var lowerCase = settings.Flag("do_lower_case", "lowercase") ?? !HasCapitals(vocabulary);
        var normalizer = new BertNormalizer(
            lowerCase,
            settings.Flag("strip_accents") ?? lowerCase,
            settings.Flag("tokenize_chinese_chars", "handle_chinese_chars") ?? true);

        var cleansUp = settings.Flag("clean_up_tokenization_spaces") ?? true;
        return new WordPieceTextTokenizer(vocabulary, settings.Text("unk_token") ?? "[UNK]", normalizer, layout, files.Read) { CleansUp = cleansUp };
    }

    /// <summary>BERT's special tokens around generated text, for families that write.</summary>
    /// <remarks>
    /// A written text begins with [CLS] and ends with [SEP], as any text of BERT's tokenizer does. BART's encoder reads <c>[CLS] A [SEP]</c>, too. GPT-2
    /// goes on behind what it reads, so no [SEP] ends that: <c>[CLS] A</c>, and <c>[CLS] A [SEP] B</c> for a pair.
    /// </remarks>
    private static SpecialTokenLayout AddGeneration(SpecialTokenLayout layout, string modelType)
    {
        var written = new GenerationTokens(layout.Before[0], layout.Separator);
        return TokenizerFamilies.OfModel(modelType) switch
        {
            TokenizerFamily.Gpt2 => layout with { After = [], AfterPair = [], Generation = written },
            TokenizerFamily.Bart => layout with { Generation = written },
            _ => layout,
        };
    }

    /// <summary>
    /// Hugging Face's default is lower case, with cased models known by name. Here the vocabulary tells them apart: one that was made of lower-cased
    /// text has no capital letters outside its special tokens.
    /// </summary>
    private static bool HasCapitals(Vocabulary vocabulary) =>
        vocabulary.Ids.Keys.Any(token => !(token[0] == '[' && token[^1] == ']') && token.Any(char.IsAsciiLetterUpper));
}
