namespace Microsoft.ML.PTuning;

/// <summary>What the vectors of a prompt or a prefix are before training.</summary>
/// <remarks>A prefix begins with the keys and values that the encoder computes for the words, in place of their embeddings.</remarks>
public enum PromptStart
{
    /// <summary>Random numbers, N(0, 0.02).</summary>
    Random,

    /// <summary>The embeddings of the most frequent tokens of the training rows.</summary>
    FrequentWords,

    /// <summary>The embeddings of the words in the classes' names, then those of the most frequent tokens.</summary>
    ClassNames,

    /// <summary>The embeddings of the words of a given text, <c>StartText</c>.</summary>
    Text,

    /// <summary>The keys and values of training rows, of each class in turn: every vector is a row's mean over its tokens. For a prefix only.</summary>
    Examples,
}
