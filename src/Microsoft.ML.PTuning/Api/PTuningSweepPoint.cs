namespace Microsoft.ML.PTuning;

/// <summary>
/// A training that a <see cref="PTuningSweep{TOptions}"/> asks for. The same sweep on another machine makes the same options of it, so it is all that has
/// to be sent there.
/// </summary>
/// <example>
/// <code>
/// var point = new PTuningSweepPoint { Candidate = received.Candidate, Epochs = received.Epochs, Options = received.Options };
/// double metric = sweep.Measure(point, tickets);
/// </code>
/// </example>
public sealed class PTuningSweepPoint
{
    /// <summary>The number of the candidate, from 0, in the order of the search.</summary>
    public required int Candidate { get; init; }

    /// <summary>The epochs of the training; in successive halving those of the round.</summary>
    public required int Epochs { get; init; }

    /// <summary>The options as JSON, by which the other machine sees whether its sweep is the same.</summary>
    public required string Options { get; init; }
}
