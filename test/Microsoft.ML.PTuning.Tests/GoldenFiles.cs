namespace Microsoft.ML.PTuning.Tests;

/// <summary>Where the golden vectors are: what the reference implementations computed, for comparison.</summary>
internal static class GoldenFiles
{
    /// <summary>The folder of golden vectors: PTUNING_GOLDEN, else the copy committed with the tests.</summary>
    public static string Root { get; } = Folder("PTUNING_GOLDEN") ?? Path.Combine(AppContext.BaseDirectory, "golden");

    /// <summary>The folder of real vocabularies: PTUNING_TOKENIZERS, else the one beside <see cref="Root"/> or in PTUNING_SHARED; null where there is none.</summary>
    public static string? Tokenizers { get; } =
        Folder("PTUNING_TOKENIZERS") ?? Existing(Path.Combine(Root, "..", "tokenizers")) ?? (Folder("PTUNING_SHARED") is { } shared ? Existing(Path.Combine(shared, "tokenizers")) : null);

    private static string? Folder(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } folder ? folder : null;

    private static string? Existing(string folder) => Directory.Exists(folder) ? Path.GetFullPath(folder) : null;
}
