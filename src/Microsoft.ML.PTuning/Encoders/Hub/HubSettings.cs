using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>How the hub is reached: the environment variables that huggingface_hub reads, too.</summary>
internal sealed record HubSettings
{
    public const string EndpointVariable = "HF_ENDPOINT", TokenVariable = "HF_TOKEN", OfflineVariable = "HF_HUB_OFFLINE", CacheVariable = "HF_HUB_CACHE";

    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>The server's address.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The user's token; null where there is none.</summary>
    public string? Token { get; init; }

    /// <summary>Whether nothing may be downloaded.</summary>
    public bool IsOffline { get; init; }

    /// <summary>How often a request that failed is made again.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>Before the first of them. Every further one waits twice as long.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The longest time that a server may ask to wait for (<c>Retry-After</c>).</summary>
    public TimeSpan LongestRetryAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a server may say nothing.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Makes a symbolic link: its path, then its target.</summary>
    public Action<string, string> Link { get; init; } = (path, target) => File.CreateSymbolicLink(path, target);

    public static HubSettings OfProcess() => Of(Environment.GetEnvironmentVariable);

    /// <param name="environment">The value of an environment variable; null or empty where it is not set.</param>
    /// <exception cref="InvalidOperationException">A variable has no value of its kind.</exception>
    public static HubSettings Of(Func<string, string?> environment)
    {
        var endpoint = Value(environment, EndpointVariable) ?? DefaultEndpoint;
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new InvalidOperationException($"{EndpointVariable} is '{endpoint}', expected the address of a hub, such as {DefaultEndpoint}.");

        return new()
        {
            Endpoint = address,
            Token = TokenOf(environment),
            IsOffline = (Value(environment, OfflineVariable) ?? Value(environment, "TRANSFORMERS_OFFLINE"))?.ToUpperInvariant()
                is "1" or "ON" or "YES" or "TRUE",
        };
    }

    /// <summary>The cache's folder, in the order of huggingface_hub's constants.py.</summary>
    /// <inheritdoc cref="Of" path="/param"/>
    public static string CacheOf(Func<string, string?> environment) => Value(environment, CacheVariable) ?? Path.Combine(HomeOf(environment), "hub");

    private static string HomeOf(Func<string, string?> environment)
    {
        if (Value(environment, "HF_HOME") is { } home)
            return home;
        var cache = Value(environment, "XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(
            Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".cache");
        return Path.Combine(cache, "huggingface");
    }

    private static string? TokenOf(Func<string, string?> environment)
    {
        var (source, text) = (TokenVariable, Value(environment, TokenVariable));
        if (text is null)
        {
            source = Value(environment, "HF_TOKEN_PATH") ?? Path.Combine(HomeOf(environment), "token");
            text = File.Exists(source) ? RegularFile.ReadAllText(source) : null;
        }

        var token = text?.Trim();
        if (token?.All(c => c is > ' ' and <= '~') == false)
            throw new InvalidOperationException($"The token of {source} has characters that no token has. Expected one line, as the hub shows it: hf_...");
        return token is "" ? null : token;
    }

    private static string? Value(Func<string, string?> environment, string name) => environment(name) is { Length: > 0 } value ? value : null;
}
