using Microsoft.ML.PTuning.Encoders.Hub;

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
        return new(Path.TrimEndingDirectorySeparator(baseDirectory), [.. path], new(HubSettings.CacheOf(environment)));
    }
}
