namespace Microsoft.ML.PTuning.Serving;

/// <summary>What a model is.</summary>
/// <example>
/// <code>
/// var description = new PTuningModelDescription
/// {
///     Name = "queue",
///     Task = "multiclass-classification",
///     Method = "p-tuning-v2",
///     Backbone = "all-MiniLM-L6-v2",
///     Inputs = new Dictionary&lt;string, string&gt; { ["Text"] = "text" },
///     Outputs = ["PredictedLabel", "Score"],
///     Classes = ["billing", "delivery"],
///     TensorBytes = 40_000,
/// };
/// </code>
/// </example>
public sealed class PTuningModelDescription
{
    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The task, as <see cref="PTuningV2Transformer.Task"/> names it.</summary>
    public required string Task { get; init; }

    /// <summary>How the encoder is adapted, as <see cref="PTuningV2Transformer.Method"/> names it.</summary>
    public required string Method { get; init; }

    /// <summary>The encoder's name.</summary>
    public required string Backbone { get; init; }

    /// <summary>
    /// The columns that a row must have, and what they hold: <c>text</c>, <c>texts</c>, <c>number</c>, <c>numbers</c>, <c>integer</c> or <c>boolean</c>; a
    /// vector of fixed size says its number of items, as in <c>3 numbers</c>.
    /// </summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>The columns of a prediction.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>The classes or tags; empty for tasks without them.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The size of the tensors in bytes, as saved in F32.</summary>
    public required long TensorBytes { get; init; }
}
