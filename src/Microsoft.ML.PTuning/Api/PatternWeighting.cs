namespace Microsoft.ML.PTuning;

/// <summary>How much each pattern weighs when models of several patterns label rows together.</summary>
public enum PatternWeighting
{
    /// <summary>As much as the share of labelled rows that the untrained language model gets right with it.</summary>
    Accuracy,

    /// <summary>All the same.</summary>
    Uniform,
}
