namespace Microsoft.ML.PTuning.Tests;

/// <summary>Where the golden vectors are: what the reference implementations computed, for comparison.</summary>
internal static class GoldenFiles
{
    /// <summary>The folder of golden vectors: PTUNING_GOLDEN, else the copy committed with the tests.</summary>
    public static string Root { get; } = Folder("PTUNING_GOLDEN") ?? Path.Combine(AppContext.BaseDirectory, "golden");

    /// <summary>The folder of real vocabularies: PTUNING_TOKENIZERS, else the folder beside <see cref="Root"/>, null where there is none.</summary>
    public static string? Tokenizers { get; } = Folder("PTUNING_TOKENIZERS") ?? Beside(Root, "tokenizers");

    private static string? Folder(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } folder ? folder : null;

    private static string? Beside(string folder, string name) =>
        Path.GetFullPath(Path.Combine(folder, "..", name)) is var path && Directory.Exists(path) ? path : null;
}
