using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>A model of the Hugging Face hub, as a user writes it.</summary>
/// <param name="Name"><c>name</c> or <c>organisation/name</c>.</param>
/// <param name="Revision">A commit, branch or tag; null if none is named.</param>
internal sealed record HubName(string Name, string? Revision)
{
    public static bool TryParse(string text, [NotNullWhen(true)] out HubName? hub)
    {
        var at = text.IndexOf('@');
        var (name, revision) = at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
        hub = PlainPath.IsBelow(name) && name.Count(c => c == '/') <= 1 && (revision is null || PlainPath.IsBelow(revision)) ? new(name, revision) : null;
        return hub is not null;
    }

    public override string ToString() => Revision is null ? Name : $"{Name}@{Revision}";
}

/// <summary>The Hugging Face cache, read only: <c>models--organisation--name/refs/branch</c> holds a commit, <c>snapshots/commit</c> its files.</summary>
/// <param name="root">The folder that holds the <c>models--</c> folders.</param>
internal sealed class HubCache(string root)
{
    private const string DefaultBranch = "main";

    /// <returns>The folder of this model's files; it may not exist.</returns>
    public string SnapshotOf(HubName hub)
    {
        var revision = hub.Revision ?? DefaultBranch;
        var branch = Path.Combine(ModelOf(hub), "refs", revision);
        var commit = File.Exists(branch) && RegularFile.ReadAllText(branch).Trim() is var named && PlainPath.IsBelow(named) ? named : revision;
        return Path.Combine(Snapshots(hub), commit);
    }

    /// <summary>The revisions in the cache, for an error message; empty if there are none.</summary>
    public string Note(HubName hub)
    {
        var snapshots = Snapshots(hub);
        if (!Directory.Exists(snapshots))
            return "";

        var revisions = Directory.GetDirectories(snapshots).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        return $" (there are the revisions {string.Join(", ", revisions)}; name one as {hub.Name}@revision)";
    }

    private string ModelOf(HubName hub) => Path.Combine(root, "models--" + hub.Name.Replace("/", "--", StringComparison.Ordinal));

    private string Snapshots(HubName hub) => Path.Combine(ModelOf(hub), "snapshots");
}
