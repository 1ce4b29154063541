namespace Microsoft.ML.PTuning.Exchange;

/// <summary>A format of other programs' models.</summary>
/// <param name="Name">What messages call a model of it.</param>
/// <param name="Door">The method that imports it.</param>
/// <param name="IsIn">Whether a folder holds such a model.</param>
/// <param name="Open">Opens the model in a folder.</param>
internal sealed record ForeignFormat(string Name, string Door, Func<string, bool> IsIn, Func<string, ForeignModel> Open);

/// <summary>The formats that are imported. Each is one file and one line here.</summary>
internal static class ForeignFormats
{
    public static IReadOnlyList<ForeignFormat> All { get; } =
    [
        PeftAdapter.Format,
        AdapterHubPrefix.Format,
        OfficialCheckpoint.Format,
    ];

    /// <summary>Opens a model of a format.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds something else.</exception>
    public static ForeignModel Open(ForeignFormat format, string folder)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder '{Path.GetFullPath(folder)}'. Expected {format.Name}; nothing is downloaded.");
        if (format.IsIn(folder))
            return format.Open(folder);

        throw new InvalidDataException(All.FirstOrDefault(other => other.IsIn(folder)) is { } found
            ? $"'{folder}' holds {found.Name}, expected {format.Name}. Import it with {nameof(PTuningV2Transformer)}.{found.Door}."
            : $"'{folder}' does not hold {format.Name}. It holds: {string.Join(", ", FilesIn(folder).DefaultIfEmpty("nothing"))}.");
    }

    private static IEnumerable<string> FilesIn(string folder) =>
        Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal).Take(20);
}
