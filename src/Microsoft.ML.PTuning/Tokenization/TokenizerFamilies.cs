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
}

/// <summary>How Hugging Face's files name the families.</summary>
internal static class TokenizerFamilies
{
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
        _ => null,
    };

    /// <returns>The family of <c>config.json</c>'s <c>model_type</c>; null if it is unknown.</returns>
    public static TokenizerFamily? OfModel(string modelType) => modelType switch
    {
        "bert" or "distilbert" or "electra" => TokenizerFamily.Bert,
        "roberta" => TokenizerFamily.Roberta,
        "deberta" => TokenizerFamily.Deberta,
        "albert" => TokenizerFamily.Albert,
        "xlm-roberta" => TokenizerFamily.XlmRoberta,
        "deberta-v2" => TokenizerFamily.DebertaV2,
        _ => null,
    };
}
