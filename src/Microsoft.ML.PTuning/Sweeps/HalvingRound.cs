namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>A round of successive halving (Jamieson &amp; Talwalkar 2016): the candidates that are left, each trained with so many epochs.</summary>
internal sealed record HalvingRound(int Candidates, int Epochs)
{
    /// <summary>The rounds: in each, the candidates are divided by the factor, and the epochs multiplied.</summary>
    /// <param name="candidates">Of the first round.</param>
    /// <param name="epochs">Of the last round.</param>
    /// <param name="factor">2 or more.</param>
    /// <returns>The last round has a candidate or more; the first round has an epoch or more.</returns>
    public static IReadOnlyList<HalvingRound> Plan(int candidates, int epochs, int factor)
    {
        var divisors = new List<int> { 1 };
        while ((long)divisors[^1] * factor <= Math.Min(candidates, epochs))
            divisors.Add(divisors[^1] * factor);
        return [.. divisors.Select((divisor, round) => new HalvingRound(candidates / divisor, epochs / divisors[^(round + 1)]))];
    }
}
