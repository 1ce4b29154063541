using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Encoders.Hub;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>An encoder's folder, kind and name.</summary>
/// <param name="Revision">The hub's commit; null if unknown.</param>
internal sealed record BackboneLocation(BackboneKind Kind, string Name, string Directory, string? Revision);

/// <summary>Finds encoders on this machine: the one a user names, and the one a saved model was trained on.</summary>
/// <remarks>Only what a user names by an address of the hub (<c>hf://organisation/name</c>) is downloaded; nothing for a saved model.</remarks>
/// <param name="places">Where this machine keeps encoders.</param>
/// <param name="read">Reads the configuration in an encoder's folder; throws if there is none or its family is not supported.</param>
/// <param name="download">Downloads a model of the hub, and gives its folder, whose last part is the commit.</param>
internal sealed class BackboneLocator(
    BackbonePlaces places, Func<string, BackboneConfiguration> read, Fingerprint fingerprint, Func<HubName, string> download)
{
    private IEnumerable<BackboneLocation> Bundled =>
        from encoder in BundledEncoder.All
        let directory = encoder.DirectoryIn(places.BaseDirectory)
        where IsBackbone(directory)
        select new BackboneLocation(BackboneKind.Embedded, encoder.Name, directory, Revision: null);

    /// <summary>The encoder that a user names for training.</summary>
    /// <param name="name">
    /// A bundled encoder's name; a folder; or a hub id, <c>name</c> or <c>organisation/name</c>, optionally with
    /// <c>@revision</c> (a commit, branch or tag); such an id behind <c>hf://</c>, which is downloaded if it is not here; or null, the default encoder.
    /// </param>
    /// <exception cref="DirectoryNotFoundException">There is no such encoder on this machine; the message names every place searched.</exception>
    public BackboneLocation Resolve(string? name)
    {
        if (name is null)
            return Bundled.FirstOrDefault() ?? throw NoDefault();
        if (Bundled.FirstOrDefault(location => location.Name == name) is { } bundled)
            return bundled;
        if (string.IsNullOrWhiteSpace(name))
            throw new DirectoryNotFoundException(
                "The option Backbone is an empty text. Expected a folder, a hub id, or null for the default encoder.");
        if (HubName.IsAddress(name))
            return FromAddress(HubName.ParseAddress(name));
        if (Directory.Exists(name))
            return FromDirectory(Path.TrimEndingDirectorySeparator(Path.GetFullPath(name)));
        if (!HubName.TryParse(name, out var hub))
            throw NoDirectory(name);
        return FromHub(hub) ?? throw (BundledEncoder.All.FirstOrDefault(encoder => encoder.Name == name) is { } missing ? NoBundled(missing) : NoHub(hub));
    }

    /// <summary>The encoder that a saved model was trained on: the first folder, in the documented order, that agrees in numbers and files.</summary>
    /// <param name="option">The value of the option <see cref="HostEnvironment.DirectoryOption"/>; null where it is not set.</param>
    /// <exception cref="DirectoryNotFoundException">No folder agrees; the message names every one and what was found there.</exception>
    public BackboneLocation Find(BackboneReference reference, string? option)
    {
        var rejected = new StringBuilder();
        foreach (var (origin, directory) in Candidates(reference, option).DistinctBy(c => c.Directory))
        {
            var reason = Mismatch(reference, directory);
            if (reason is null)
                return new(reference.Kind, reference.Name, directory, reference.Revision);
            rejected.Append($"\n  {directory} ({origin}): {reason}");
        }

        throw new DirectoryNotFoundException(
            $"The backbone of this model was not found: {reference}. Searched:{rejected}\n" +
            $"Nothing is downloaded. Set MLContext.SetOption(\"{HostEnvironment.DirectoryOption}\", folder) or the environment variable " +
            $"{BackbonePlaces.SearchPathVariable} to the folder with this encoder's {BackboneConfiguration.FileName}, or to the folder above it" +
            reference.Kind switch
            {
                BackboneKind.Embedded =>
                    $"; or reference the package {BundledEncoder.PackageOf(reference.Name)} in the version that the model was trained with.",
                BackboneKind.Hub => $"; or fetch it into the Hugging Face cache: {Fetch(new(reference.Name, reference.Revision))}.",
                _ => ".",
            });
    }

    private IEnumerable<(string Origin, string Directory)> Candidates(BackboneReference reference, string? option)
    {
        var name = PlainPath.IsBelow(reference.Name) ? reference.Name : null;
        if (!string.IsNullOrEmpty(option))
            foreach (var directory in AtOrBelow(Path.GetFullPath(option), name))
                yield return ($"option {HostEnvironment.DirectoryOption}", directory);

        foreach (var root in places.SearchPath)
            foreach (var directory in AtOrBelow(root, name))
                yield return (BackbonePlaces.SearchPathVariable, directory);

        if (reference.Directory is { } recorded && IsLocal(recorded))
            yield return ("recorded at training", reference.Directory);

        foreach (var directory in AtOrBelow(places.BaseDirectory, name))
            yield return ("the application's folder", directory);
        if (name is not null)
            yield return ("the application's folder", Path.Combine(places.BaseDirectory, "backbones", name));

        var hubName = reference.Revision is null ? reference.Name : $"{reference.Name}@{reference.Revision}";
        if (reference.Kind == BackboneKind.Hub && HubName.TryParse(hubName, out var hub))
            yield return ("Hugging Face cache", places.Hub.SnapshotOf(hub));

        foreach (var encoder in BundledEncoder.All)
            yield return ($"package {encoder.Package}", encoder.DirectoryIn(places.BaseDirectory));
    }

    /// <returns>Why this folder is not the encoder; null where it is.</returns>
    private string? Mismatch(BackboneReference reference, string directory)
    {
        if (!Directory.Exists(directory))
            return "no such folder";
        if (!IsBackbone(directory))
            return $"no {BackboneConfiguration.FileName}";

        try
        {
            var differences = reference.Differences(read(directory)).ToList();
            if (differences.Count == 0)
                differences.AddRange(reference.Differences(directory, fingerprint));
            return differences.Count == 0 ? null : string.Join("; ", differences);
        }
        catch (Exception e) when (
            e is IOException or UnauthorizedAccessException or InvalidDataException or FormatException or JsonException or NotSupportedException)
        {
            return e.Message;
        }
    }

    private BackboneLocation? FromHub(HubName hub)
    {
        // Folders of the search path have no revision, so a given revision is looked up in the hub's cache only.
        if (hub.Revision is null)
            foreach (var root in places.SearchPath)
                foreach (var directory in AtOrBelow(root, hub.Name))
                    if (IsBackbone(directory) && (directory != root || Path.GetFileName(root) == Path.GetFileName(hub.Name)))
                        return new(BackboneKind.Hub, hub.Name, directory, null);

        var snapshot = places.Hub.SnapshotOf(hub);
        return IsBackbone(snapshot) ? new(BackboneKind.Hub, hub.Name, snapshot, Path.GetFileName(snapshot)) : null;
    }

    private BackboneLocation FromAddress(HubName hub)
    {
        var snapshot = download(hub);
        return new(BackboneKind.Hub, hub.Name, snapshot, Path.GetFileName(snapshot));
    }

    private static BackboneLocation FromDirectory(string directory) =>
        IsBackbone(directory)
            ? new(BackboneKind.Directory, Path.GetFileName(directory), directory, null)
            : throw new DirectoryNotFoundException(
                $"The folder '{directory}' holds no encoder: there is no {BackboneConfiguration.FileName} in it. Expected a folder in Hugging Face layout, " +
                $"with {BackboneConfiguration.FileName}, weights and tokenizer files.");

    private static bool IsBackbone(string directory) => File.Exists(Path.Combine(directory, BackboneConfiguration.FileName));

    private static bool IsLocal(string directory) => Path.IsPathFullyQualified(directory) && !PlainPath.IsOnAnotherComputer(directory);

    private static IEnumerable<string> AtOrBelow(string root, string? name)
    {
        yield return root;
        if (name is null)
            yield break;

        yield return Path.Combine(root, name);
        if (Path.GetFileName(name) is var last && last != name)
            yield return Path.Combine(root, last);
    }

    private static string Fetch(HubName hub) =>
        $"hf download {hub.Name}{(hub.Revision is null ? "" : $" --revision {hub.Revision}")}, or in C# "
        + $"mlContext.{nameof(PTuningContext.DownloadPTuningBackboneAsync)}(\"{hub.Address}\")";

    private DirectoryNotFoundException NoDefault() => new(
        $"The default encoder was not found: there is no {BackboneConfiguration.FileName} in " +
        $"{string.Join(" or ", BundledEncoder.All.Select(encoder => encoder.DirectoryIn(places.BaseDirectory)))}. " +
        $"Reference the package {BundledEncoder.All[0].Package}, which copies it there, "
        + "or name another encoder in the option Backbone (a folder, a hub id, or hf:// and a hub id).");

    private static DirectoryNotFoundException NoDirectory(string name) => new(
        $"The backbone '{name}' was not found: there is no folder {Path.GetFullPath(name)}, and it is not a hub id " +
        "(name or organisation/name, then @revision where one is meant; with hf:// in front it is downloaded).");

    private DirectoryNotFoundException NoBundled(BundledEncoder encoder) => new(
        $"The backbone '{encoder.Name}' was not found: there is no {BackboneConfiguration.FileName} in {encoder.DirectoryIn(places.BaseDirectory)}. " +
        $"Reference the package {encoder.Package}, which copies it there.");

    private DirectoryNotFoundException NoHub(HubName hub) => new(
        $"The backbone '{hub}' was not found on this machine; nothing is downloaded unless Backbone is \"{hub.Address}\". " +
        $"Looked for the folder {Path.GetFullPath(hub.Name)}; " +
        $"in {BackbonePlaces.SearchPathVariable}{SearchPathNote(hub)}; in the Hugging Face cache: {places.Hub.SnapshotOf(hub)}{places.Hub.Note(hub)}. " +
        $"Fetch it ({Fetch(hub)}), or give a folder that holds its {BackboneConfiguration.FileName}, weights and tokenizer files.");

    private string SearchPathNote(HubName hub) =>
        hub.Revision is not null ? " not, because its folders tell no revision"
        : places.SearchPath.Count == 0 ? " (not set)"
        : $" ({string.Join(Path.PathSeparator, places.SearchPath)})";
}
