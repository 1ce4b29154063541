using System.Globalization;

namespace Microsoft.ML.PTuning;

/// <summary>How much a word speaks for a prediction: <see cref="PTuningV2Transformer.ExplainPrediction"/>.</summary>
public sealed class TokenContribution
{
    internal TokenContribution()
    {
    }

    /// <summary>The text column that the word stands in.</summary>
    public required string ColumnName { get; init; }

    /// <summary>Where the word begins in the text of that column, in characters.</summary>
    public required int Start { get; init; }

    /// <summary>Its characters.</summary>
    public required int Length { get; init; }

    /// <summary>The word itself.</summary>
    public required string Text { get; init; }

    /// <summary>The class that the word speaks for or against; for a predicted number, the name of its column.</summary>
    public required string Output { get; init; }

    /// <summary>
    /// Above 0 if the word speaks for the class, below 0 if it speaks against it; in log-odds of the class. For a predicted number: what the word adds
    /// to it, in the label's unit.
    /// </summary>
    public required double Weight { get; init; }

    /// <summary>Writes output, word and weight.</summary>
    /// <example>
    /// <code>
    /// foreach (TokenContribution word in model.ExplainPrediction(new Ticket { Text = "I paid twice." }))
    ///     Console.WriteLine(word.ToString()); // Such as: billing: 'twice' +1.20
    /// </code>
    /// </example>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Output}: '{Text}' {Weight:+0.00;-0.00}");
}
