using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders;

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
        var commit = File.Exists(branch) && File.ReadAllText(branch).Trim() is var named && PlainPath.IsBelow(named) ? named : revision;
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
