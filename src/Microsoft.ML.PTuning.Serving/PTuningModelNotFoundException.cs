namespace Microsoft.ML.PTuning.Serving;

/// <summary>There is no such model.</summary>
public sealed class PTuningModelNotFoundException : Exception
{
    /// <param name="model">The name that was asked for.</param>
    /// <example>
    /// <code>
    /// throw new PTuningModelNotFoundException("queue");
    /// </code>
    /// </example>
    public PTuningModelNotFoundException(string model)
        : base($"There is no model '{model}'. GET /models lists those that there are.") => Model = model;

    /// <summary>The name that was asked for.</summary>
    public string Model { get; }
}
