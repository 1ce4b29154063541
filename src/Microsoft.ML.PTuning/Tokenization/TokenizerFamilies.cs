namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Families whose tokenizers are supported.</summary>
internal enum TokenizerFamily
{
    /// <summary>BERT, DistilBERT, ELECTRA: WordPiece.</summary>
    Bert,

    /// <summary>RoBERTa: byte-level BPE.</summary>
    Roberta,

    /// <summary>DeBERTa's first version: RoBERTa's pieces between BERT's special tokens.</summary>
    Deberta,

    Albert,
    XlmRoberta,

    /// <summary>DeBERTa's second and third version: SentencePiece.</summary>
    DebertaV2,

    /// <summary>GPT-2: byte-level BPE without special tokens around the text.</summary>
    Gpt2,

    /// <summary>BART: RoBERTa's tokenizer.</summary>
    Bart,

    /// <summary>GLM: GPT-2's pieces, BERT's or SentencePiece's, with masks that generated text fills.</summary>
    Glm,

    /// <summary>ChatGLM-6B: SentencePiece with pieces for white space.</summary>
    ChatGlm,
}

/// <summary>How Hugging Face's files name the families.</summary>
internal static class TokenizerFamilies
{
    /// <summary>GLM's classes, by their pieces: GPT-2's, BERT's, SentencePiece's.</summary>
    public const string GlmByteLevel = "GLMGPT2Tokenizer", GlmWordPiece = "GLMBertTokenizer", GlmSentencePiece = "GLMChineseTokenizer";

    /// <summary>The special tokens of BERT's kind and of RoBERTa's, where no file names others.</summary>
    public static readonly IReadOnlyList<string> BertTokens = ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"],
        RobertaTokens = ["<s>", "</s>", "<pad>", "<mask>", "<unk>"];

    /// <returns>The family of a tokenizer class; null if the class is unknown, or is used by several families.</returns>
    public static TokenizerFamily? Named(string? tokenizerClass) => tokenizerClass switch
    {
        "BertTokenizer" or "BertTokenizerFast" => TokenizerFamily.Bert,
        "DistilBertTokenizer" or "DistilBertTokenizerFast" or "ElectraTokenizer" or "ElectraTokenizerFast" => TokenizerFamily.Bert,
        "RobertaTokenizer" or "RobertaTokenizerFast" => TokenizerFamily.Roberta,
        "DebertaTokenizer" or "DebertaTokenizerFast" => TokenizerFamily.Deberta,
        "AlbertTokenizer" or "AlbertTokenizerFast" => TokenizerFamily.Albert,
        "XLMRobertaTokenizer" or "XLMRobertaTokenizerFast" => TokenizerFamily.XlmRoberta,
        "DebertaV2Tokenizer" or "DebertaV2TokenizerFast" => TokenizerFamily.DebertaV2,
        "GPT2Tokenizer" or "GPT2TokenizerFast" => TokenizerFamily.Gpt2,
        "BartTokenizer" or "BartTokenizerFast" => TokenizerFamily.Bart,
        GlmByteLevel or GlmWordPiece or GlmSentencePiece => TokenizerFamily.Glm,
        "ChatGLMTokenizer" => TokenizerFamily.ChatGlm,
        _ => null,
    };

    /// <returns>The family of <c>config.json</c>'s <c>model_type</c>; null if it is unknown, or has several tokenizers.</returns>
    public static TokenizerFamily? OfModel(string modelType) => modelType switch
    {
        "bert" or "distilbert" or "electra" => TokenizerFamily.Bert,
        "roberta" => TokenizerFamily.Roberta,
        "deberta" => TokenizerFamily.Deberta,
        "albert" => TokenizerFamily.Albert,
        "xlm-roberta" => TokenizerFamily.XlmRoberta,
        "deberta-v2" => TokenizerFamily.DebertaV2,
        "gpt2" => TokenizerFamily.Gpt2,
        "bart" => TokenizerFamily.Bart,
        "chatglm" => TokenizerFamily.ChatGlm,
        _ => null,
    };
}
