using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>Reads and changes entries of a zip in memory; an entry is named by the last part of its path.</summary>
internal static class ZipBytes
{
    public static byte[] Read(byte[] zip, string entry)
    {
        using var archive = new ZipArchive(new MemoryStream(zip));
        using var stream = archive.Entries.Single(e => e.Name == entry).Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>Paths of the entries.</summary>
    public static string[] Paths(byte[] zip) => Entries(zip, e => e.FullName.Replace('\\', '/'));

    public static T[] Entries<T>(byte[] zip, Func<ZipArchiveEntry, T> select)
    {
        using var archive = new ZipArchive(new MemoryStream(zip));
        return [.. archive.Entries.Select(select)];
    }

    /// <param name="change">Gives the entry's new content; null to leave the entry out.</param>
    public static byte[] Change(byte[] zip, string entry, Func<byte[], byte[]?> change)
    {
        using var result = new MemoryStream();
        using (var source = new ZipArchive(new MemoryStream(zip)))
        using (var target = new ZipArchive(result, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var old in source.Entries)
            {
                using var stream = old.Open();
                using var content = new MemoryStream();
                stream.CopyTo(content);
                var bytes = old.Name == entry ? change(content.ToArray()) : content.ToArray();
                if (bytes is null)
                    continue;
                using var written = target.CreateEntry(old.FullName).Open();
                written.Write(bytes);
            }
        }
        return result.ToArray();
    }

    /// <summary>Changes a document on purpose: without its digest.</summary>
    public static byte[] ChangeJson(byte[] zip, string entry, Action<JsonNode> change) => Change(zip, entry, content =>
    {
        var json = JsonNode.Parse(content)!;
        change(json);
        (json as JsonObject)?.Remove("digest");
        return Encoding.UTF8.GetBytes(json.ToJsonString());
    });
}
