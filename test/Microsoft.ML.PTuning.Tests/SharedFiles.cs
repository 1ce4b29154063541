namespace Microsoft.ML.PTuning.Tests;

/// <summary>Files that are not ours to commit (data sets, published backbones). A test that needs one is inconclusive without it.</summary>
internal static class SharedFiles
{
    private static readonly string? Shared = Environment.GetEnvironmentVariable("PTUNING_SHARED");
    private static readonly string? DataSets = Environment.GetEnvironmentVariable("PTUNING_DATA");

    /// <summary>A file or folder below PTUNING_SHARED, which <c>build.sh</c> sets to <c>../shared</c> beside the repository where it exists.</summary>
    /// <param name="path">As in <c>backbones/mini-cased</c>.</param>
    public static string Require(string path) => Require(Shared, path, "PTUNING_SHARED");

    /// <summary>A file or folder below PTUNING_DATA, else below <c>data</c> of the shared files.</summary>
    /// <param name="path">As in <c>glue/SST-2</c>.</param>
    public static string RequireData(string path) =>
        string.IsNullOrEmpty(DataSets) ? Require($"data/{path}") : Require(DataSets, path, "PTUNING_DATA");

    private static string Require(string? folder, string path, string variable)
    {
        if (string.IsNullOrEmpty(folder))
            throw new AssertInconclusiveException($"Needs '{path}', and {variable} names no folder to find it in (./build.sh test sets it where ../shared exists).");

        var found = Path.GetFullPath(Path.Combine(folder, path));
        if (!Path.Exists(found))
            throw new AssertInconclusiveException($"Needs '{path}', which is not in the folder that {variable} names, {folder}.");

        return found;
    }
}
