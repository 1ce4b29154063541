using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>The Hugging Face cache, which Python's huggingface_hub shares.</summary>
/// <param name="root">The folder that holds the <c>models--</c> folders.</param>
internal sealed class HubCache(string root)
{
    /// <returns>The folder of this model's files; it may not exist.</returns>
    public string SnapshotOf(HubName hub)
    {
        var folder = Of(hub);
        return folder.Snapshot(folder.CommitOf(hub.RevisionOrDefault) ?? hub.RevisionOrDefault);
    }

    /// <summary>The revisions in the cache, for an error message; empty if there are none.</summary>
    public string Note(HubName hub)
    {
        var snapshots = Of(hub).Snapshots;
        if (!Directory.Exists(snapshots))
            return "";

        var revisions = Directory.GetDirectories(snapshots).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        return $" (there are the revisions {string.Join(", ", revisions)}; name one as {hub.Name}@revision)";
    }

    /// <summary>What the cache holds of a model; its folders may not exist.</summary>
    public HubFolder Of(HubName hub)
    {
        var name = "models--" + hub.Name.Replace("/", "--", StringComparison.Ordinal);
        return new(Path.Combine(root, name), Path.Combine(root, ".locks", name));
    }
}

/// <summary>What the cache holds of one model.</summary>
/// <remarks>
/// <para>The layout is huggingface_hub's (<c>file_download.py</c>):</para>
/// <code>
/// models--organisation--name/
///   blobs/ETAG                     a file's bytes; the ETag is their SHA-256, or git's SHA-1 for small files
///   blobs/ETAG.incomplete          what has arrived of them
///   snapshots/COMMIT/FILE          a relative link to the blob, or the file itself where links cannot be made
///   refs/BRANCH                    the commit that a branch or tag was last seen at
///   .no_exist/COMMIT/FILE          empty: the commit has no such file
/// .locks/models--organisation--name/ETAG.lock      held by the process that downloads the blob
/// </code>
/// </remarks>
internal sealed class HubFolder(string folder, string locks)
{
    public string Snapshots => Path.Combine(folder, "snapshots");

    public string Snapshot(string commit) => Path.Combine(Snapshots, commit);

    public string Blob(HubEtag etag) => Path.Combine(folder, "blobs", etag.Value);

    /// <summary>Whether the bytes are here. A blob of another size was damaged after it was downloaded.</summary>
    public bool HasBlob(HubEtag etag, long size) => new FileInfo(Blob(etag)) is { Exists: true } blob && blob.Length == size;

    public string Incomplete(HubEtag etag) => Blob(etag) + ".incomplete";

    public string Lock(HubEtag etag) => Path.Combine(locks, etag.Value + ".lock");

    /// <returns>The commit that a branch or tag was last seen at; null if it was not.</returns>
    public string? CommitOf(string revision)
    {
        var reference = Path.Combine(folder, "refs", revision);
        return File.Exists(reference) && RegularFile.ReadAllText(reference).Trim() is var named && PlainPath.IsBelow(named) ? named : null;
    }

    /// <summary>Notes the commit of a branch or tag.</summary>
    public void SetCommit(string revision, string commit)
    {
        if (revision == commit || CommitOf(revision) == commit)
            return;

        // Not beside the reference, where huggingface_hub would take the draft for another one.
        var reference = Path.Combine(folder, "refs", revision);
        var draft = Path.Combine(folder, $"tmp_{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path.GetDirectoryName(reference)!);
        WholeFile.Write(draft, stream => stream.Write(System.Text.Encoding.ASCII.GetBytes(commit)));
        File.Move(draft, reference, overwrite: true);
    }

    /// <summary>Whether a file of a commit can be read here.</summary>
    public bool Has(string commit, string file)
    {
        var path = FileOf(commit, file);
        return File.Exists(path) && (new FileInfo(path).LinkTarget is null || File.ResolveLinkTarget(path, returnFinalTarget: true) is { Exists: true });
    }

    /// <summary>Whether a commit is known to have no such file.</summary>
    public bool Lacks(string commit, string file) => File.Exists(AbsenceOf(commit, file));

    /// <summary>Notes that a commit has no such file.</summary>
    public void SetAbsent(string commit, string file)
    {
        var path = AbsenceOf(commit, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite))
        {
            // Empty: its name says all.
        }
    }

    /// <summary>Puts a blob into a commit's folder under its file's name. Call it with the blob's lock.</summary>
    /// <param name="isNew">Whether no other commit can have this blob yet.</param>
    /// <param name="link">Makes a symbolic link: its path, then its target.</param>
    public void Place(string commit, string file, HubEtag etag, bool isNew, Action<string, string> link)
    {
        if (Has(commit, file))
            return;

        var path = FileOf(commit, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path); // A link to a blob that is gone.
        try
        {
            link(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Blob(etag)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            // Windows without the right to make links, and some file systems. As with huggingface_hub, the commit has the bytes themselves.
            var source = Blob(etag);
            if (!isNew)
                File.Copy(source, source = Incomplete(etag), overwrite: true);
            File.Move(source, path);
        }
    }

    private string FileOf(string commit, string file) => Path.Combine(Snapshot(commit), Checked(file));

    private string AbsenceOf(string commit, string file) => Path.Combine(folder, ".no_exist", commit, Checked(file));

    private static string Checked(string file) => PlainPath.IsBelow(file)
        ? file
        : throw new InvalidDataException($"'{file}' is no name of a file in a repository; expected one that stays in its folder.");
}
