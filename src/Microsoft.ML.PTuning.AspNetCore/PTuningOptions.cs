using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.AspNetCore;

/// <summary>What the web service serves, and within which limits. The section <c>PTuning</c> of the configuration sets the same names.</summary>
/// <remarks>Options are checked when the application starts, and read once.</remarks>
/// <example>
/// <code>
/// var options = new PTuningOptions { ModelsDirectory = "models", TensorBudgetBytes = 200_000_000 };
/// options.ApiKeys["shop"] = Environment.GetEnvironmentVariable("SHOP_KEY")!;
/// </code>
/// </example>
public sealed class PTuningOptions : PTuningModelsOptions
{
    /// <summary>How many rows a stream may have; further ones are refused.</summary>
    public long MaxStreamRows { get; set; } = 1_000_000;

    /// <summary>How many rows of a stream are read ahead of the answer that is written next.</summary>
    public int StreamWindow { get; set; } = 64;

    /// <summary>How many models a call may ask about one row.</summary>
    public int MaxModelsPerRow { get; set; } = 16;

    /// <summary>The callers' names and their keys. If there are any, each request must bring one in <see cref="ApiKeyHeader"/>.</summary>
    /// <remarks>Keys are secrets: keep them in a secret store or in environment variables, such as <c>PTuning__ApiKeys__shop</c>.</remarks>
    public IDictionary<string, string> ApiKeys { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The request header with the key.</summary>
    public string ApiKeyHeader { get; set; } = "X-Api-Key";

    /// <summary>How many requests a caller may make; null for any number. It needs <c>app.UseRateLimiter()</c>.</summary>
    public PTuningRateLimit? RateLimit { get; set; }

    /// <summary>
    /// How long requests may go on when the application shuts down. New ones are refused with status 503 meanwhile; those that are not finished then are
    /// ended.
    /// </summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(20);
}
