namespace Microsoft.ML.PTuning;

/// <summary>What the vectors of a prompt are before training.</summary>
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
}
