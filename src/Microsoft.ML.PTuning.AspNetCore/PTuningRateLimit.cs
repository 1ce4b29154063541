namespace Microsoft.ML.PTuning.AspNetCore;

/// <summary>How many requests a caller may make: a bucket of tokens per API key, or per address where there are no keys.</summary>
/// <example>
/// <code>
/// var limit = new PTuningRateLimit { Requests = 100, Period = TimeSpan.FromSeconds(1) };
/// </code>
/// </example>
public sealed class PTuningRateLimit
{
    /// <summary>Requests per <see cref="Period"/>, and at most at once. A stream of rows is one request.</summary>
    public int Requests { get; set; } = 100;

    /// <summary>The time after which the bucket is full again.</summary>
    public TimeSpan Period { get; set; } = TimeSpan.FromSeconds(1);
}
