namespace Microsoft.ML.PTuning.Encoders;

/// <summary>Where a machine keeps encoders.</summary>
/// <param name="BaseDirectory">The application's folder.</param>
/// <param name="SearchPath">Folders of the environment variable <see cref="SearchPathVariable"/>: encoders, or folders of encoders.</param>
/// <param name="Hub">The Hugging Face cache.</param>
internal sealed record BackbonePlaces(string BaseDirectory, IReadOnlyList<string> SearchPath, HubCache Hub)
{
    public const string SearchPathVariable = "PTUNING_BACKBONE_PATH";

    public static BackbonePlaces OfProcess() => Of(AppContext.BaseDirectory, Environment.GetEnvironmentVariable);

    /// <param name="environment">The value of an environment variable; null or empty where it is not set.</param>
    public static BackbonePlaces Of(string baseDirectory, Func<string, string?> environment)
    {
        var path = (environment(SearchPathVariable) ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new(Path.TrimEndingDirectorySeparator(baseDirectory), [.. path], new(HubRoot()));

        // The order of huggingface_hub's constants.py.
        string HubRoot()
        {
            if (Value("HF_HUB_CACHE") is { } hub)
                return hub;
            if (Value("HF_HOME") is { } home)
                return Path.Combine(home, "hub");
            var cache = Value("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(
                Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".cache");
            return Path.Combine(cache, "huggingface", "hub");
        }

        string? Value(string name) => environment(name) is { Length: > 0 } value ? value : null;
    }
}
