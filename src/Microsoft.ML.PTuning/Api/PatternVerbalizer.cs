namespace Microsoft.ML.PTuning;

/// <summary>A pattern and the words that stand for the classes at its gap.</summary>
/// <example>
/// <code>
/// PatternVerbalizer[] patterns =
/// [
///     new("{text} It was {mask}.", new() { ["positive"] = ["good"], ["negative"] = ["bad"] }),
///     new("A {mask} film: {text}", new() { ["positive"] = ["great"], ["negative"] = ["poor"] }),
/// ];
/// </code>
/// </example>
public sealed class PatternVerbalizer
{
    /// <param name="pattern">The pattern, with <c>{mask}</c>: <see cref="PTuningV2Trainer.SentenceOptions.Pattern"/>.</param>
    /// <param name="verbalizer">The words of each class.</param>
    /// <example>
    /// <code>
    /// var pair = new PatternVerbalizer("{text} It was {mask}.", new() { ["positive"] = ["good"], ["negative"] = ["bad"] });
    /// </code>
    /// </example>
    public PatternVerbalizer(string pattern, Verbalizer verbalizer)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(verbalizer);
        (Pattern, Verbalizer) = (pattern, verbalizer);
    }

    /// <summary>The pattern.</summary>
    public string Pattern { get; }

    /// <summary>The words of each class.</summary>
    public Verbalizer Verbalizer { get; }
}
