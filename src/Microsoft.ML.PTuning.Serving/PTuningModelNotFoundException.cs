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
        : base($"There is no model '{model}'. ListModelsAsync (GET /models of the web service) lists the models.") => Model = model;

    /// <summary>The name that was asked for.</summary>
    public string Model { get; }
}
