namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>A request and its answer.</summary>
/// <param name="Status">The answer's; 0 if there was none.</param>
/// <param name="Intended">When it was to be sent, in seconds from the beginning of the load.</param>
/// <param name="Answered">When the answer was there.</param>
internal readonly record struct Sent(int Status, double Intended, double Answered)
{
    public bool IsPredicted => Status == 200;

    /// <summary>Whether the service said that it has too much to do.</summary>
    public bool IsRefused => Status is 429 or 503;

    /// <summary>From the time at which it was to be sent: a generator that is late does not make the service look faster.</summary>
    public double Milliseconds => 1000 * (Answered - Intended);
}

/// <summary>What a load came to.</summary>
/// <param name="Seconds">For how long requests were sent.</param>
internal sealed record LoadResult(IReadOnlyList<Sent> All, double Seconds)
{
    /// <summary>Predictions per second while requests were sent.</summary>
    public double Goodput => All.Count(sent => sent.IsPredicted && sent.Answered <= Seconds) / Seconds;

    /// <summary>Requests with neither a prediction nor a refusal that says to come back.</summary>
    public int Failed => All.Count(sent => !sent.IsPredicted && !sent.IsRefused);

    public double RefusedShare => (double)All.Count(sent => sent.IsRefused) / All.Count;

    /// <summary>The time within which all but a part of some requests were answered.</summary>
    /// <returns>In milliseconds; NaN if there are none.</returns>
    public static double Percentile(IEnumerable<Sent> some, double part)
    {
        double[] sorted = [.. some.Select(sent => sent.Milliseconds).Order()];
        return sorted.Length == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)];
    }

    /// <summary>The 99th percentile of predictions.</summary>
    public double P99 => Percentile(All.Where(sent => sent.IsPredicted), 0.99);
}
