namespace Microsoft.ML.PTuning.Serving;

/// <summary>A model cannot be loaded.</summary>
public sealed class PTuningModelUnavailableException : Exception
{
    /// <param name="model">The model's name.</param>
    /// <param name="reason">Why it cannot be loaded.</param>
    /// <example>
    /// <code>
    /// throw new PTuningModelUnavailableException("queue", "The zip is damaged.");
    /// </code>
    /// </example>
    public PTuningModelUnavailableException(string model, string reason)
        : base($"The model '{model}' cannot be loaded: {reason}") => (Model, Reason) = (model, reason);

    /// <summary>The model's name.</summary>
    public string Model { get; }

    /// <summary>Why it cannot be loaded.</summary>
    public string Reason { get; }
}
