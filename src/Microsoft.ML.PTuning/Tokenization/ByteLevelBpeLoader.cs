namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Makes the tokenizer of a directory with byte-level BPE, with its family's special tokens.</summary>
internal static class ByteLevelBpeLoader
{
    private const string EndOfText = "<|endoftext|>";

    public static ByteLevelBpeTextTokenizer Load(TokenizerFiles files, TokenizerSettings settings, TokenizerJson? json, string modelType)
    {
        json?.Expect("normalizer", null);
        json?.Expect("pre_tokenizer", "ByteLevel");
        json?.ExpectModel("continuing_subword_prefix", "");
        json?.ExpectModel("end_of_word_suffix", "");

        var (vocabulary, merges) = ReadBytePairs(files, json);
        var family = TokenizerFamilies.Named(settings.Class) ?? TokenizerFamilies.OfModel(modelType);
        var layout = family switch
        {
            TokenizerFamily.Deberta => Deberta(settings, vocabulary),
            TokenizerFamily.Gpt2 => Gpt2(settings, vocabulary),
            TokenizerFamily.Glm => GlmTokens.Layout(settings, vocabulary),
            TokenizerFamily.Bart => Roberta(settings, vocabulary) with
            {
                Generation = new GenerationTokens(
                    settings.SpecialToken("bos_token", "<s>", vocabulary),
                    settings.SpecialToken("eos_token", "</s>", vocabulary)),
            },
            _ => Roberta(settings, vocabulary),
        };

        return new ByteLevelBpeTextTokenizer(vocabulary, merges, settings.Flag("add_prefix_space") ?? false, layout, files.Read);
    }

    private static SpecialTokenLayout Deberta(TokenizerSettings settings, Vocabulary vocabulary) => SpecialTokenLayout.Enclosing(
        settings.SpecialToken("cls_token", "[CLS]", vocabulary),
        settings.SpecialToken("sep_token", "[SEP]", vocabulary),
        settings.SpecialToken("pad_token", "[PAD]", vocabulary)) with
    {
        SecondSegment = 1,
        Mask = settings.MaskToken("[MASK]", vocabulary),
        Special = settings.SpecialIds(vocabulary, TokenizerFamilies.BertTokens),
    };

    private static SpecialTokenLayout Roberta(TokenizerSettings settings, Vocabulary vocabulary) => SpecialTokenLayout.Enclosing(
        settings.SpecialToken("cls_token", "<s>", vocabulary),
        settings.SpecialToken("sep_token", "</s>", vocabulary),
        settings.SpecialToken("pad_token", "<pad>", vocabulary),
        between: 2) with
    {
        Mask = settings.MaskToken("<mask>", vocabulary),
        Special = settings.SpecialIds(vocabulary, TokenizerFamilies.RobertaTokens),
    };

    /// <summary>A text alone is its tokens, an empty one the end of text. In a pair, the end of text stands between the texts.</summary>
    /// <remarks>
    /// GPT-2 knows no separator, and transformers puts none. The end of text is what stood between two documents in its training (Radford et al. 2019),
    /// and keeps the texts apart as the delimiter of the first GPT did (Radford et al. 2018). No token sees padding, so its id does not matter.
    /// </remarks>
    private static SpecialTokenLayout Gpt2(TokenizerSettings settings, Vocabulary vocabulary)
    {
        var begin = settings.SpecialToken("bos_token", EndOfText, vocabulary);
        var end = settings.SpecialToken("eos_token", EndOfText, vocabulary);
        int[] before = settings.Flag("add_bos_token") ?? false ? [begin] : [];
        return new SpecialTokenLayout(before, [end], [], end, settings.FindToken("pad_token", EndOfText, vocabulary) ?? end)
        {
            Nothing = end,
            Mask = settings.MaskToken("<mask>", vocabulary),
            Generation = new GenerationTokens(begin, end),
            Special = settings.SpecialIds(vocabulary, EndOfText),
        };
    }

    private static (Vocabulary Vocabulary, List<(string Left, string Right)> Merges) ReadBytePairs(TokenizerFiles files, TokenizerJson? json)
    {
        if (files.Has(TokenizerFiles.Tokens) || files.Has(TokenizerFiles.Merges))
        {
            var tokens = Vocabulary.ReadJson(files.ReadJson(Present(files, TokenizerFiles.Tokens)), files.Use(TokenizerFiles.Tokens));
            return (tokens, MergeList.ReadLines(files.Use(Present(files, TokenizerFiles.Merges)), tokens));
        }

        var vocabulary = json!.ReadVocabulary();
        return (vocabulary, MergeList.Read(json.ReadMerges(), json.Path, vocabulary));
    }

    private static string Present(TokenizerFiles files, string name) => files.Has(name) ? name : throw new FileNotFoundException(
        $"{Path.Combine(files.Directory, name)}: byte-level BPE takes {TokenizerFiles.Tokens} and {TokenizerFiles.Merges}, " +
        "but this one is missing. Copy it beside the other.",
        Path.Combine(files.Directory, name));
}
