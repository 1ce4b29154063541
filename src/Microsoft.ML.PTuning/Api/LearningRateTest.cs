using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning;

/// <summary>The curve of a range test, and the learning rate that was read from it (<see cref="LearningRates.Auto"/>).</summary>
public sealed class LearningRateTest : IJsonOnDeserialized
{
    internal const double Lowest = 1e-5, Highest = 1;

    [JsonConstructor]
    internal LearningRateTest()
    {
    }

    /// <summary>The learning rate that the training took.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Steps that were planned, from the lowest rate to the highest; the test ends earlier where the loss blows up.</summary>
    public required int PlannedSteps { get; init; }

    /// <summary>The loss of each step, smoothed.</summary>
    public required IReadOnlyList<double> Losses { get; init; }

    /// <summary>The rate of each step; as many as <see cref="Losses"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<double> Rates => [.. Enumerable.Range(0, Losses.Count).Select(step => RateAt(step, PlannedSteps))];

    /// <summary>Rates grow by the same factor from step to step.</summary>
    internal static double RateAt(int step, int steps) => Lowest * Math.Pow(Highest / Lowest, (double)step / (steps - 1));

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (Losses is null || PlannedSteps < 2 || Losses.Count > PlannedSteps)
            throw new JsonException($"The learning rate test needs losses, at most as many as its {PlannedSteps} plannedSteps, which are 2 or more.");
    }
}
