using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>A file with a JSON object per line that only grows. A line is appended whole; one that a killed process has cut short is removed.</summary>
/// <remarks>One process appends at a time: a second one is refused.</remarks>
internal sealed class JsonLinesFile : IDisposable
{
    private const byte EndOfLine = (byte)'\n';

    private static readonly JsonSerializerOptions Format = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // The file is no web page: texts stay readable.
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly FileStream _lock;
    private readonly FileStream _file;

    private JsonLinesFile(FileStream @lock, FileStream file, IReadOnlyList<JsonObject> lines, long droppedBytes) =>
        (_lock, _file, Lines, DroppedBytes) = (@lock, file, lines, droppedBytes);

    /// <summary>The whole lines that the file had when it was opened.</summary>
    public IReadOnlyList<JsonObject> Lines { get; }

    /// <summary>Length of the line that was cut short, which opening has removed; 0 for none.</summary>
    public long DroppedBytes { get; }

    /// <summary>Opens a file to append to; a file that is not there is created.</summary>
    /// <exception cref="FormatException">A whole line is no JSON object. The file is left as it is.</exception>
    /// <exception cref="IOException">Another process appends to the file.</exception>
    public static JsonLinesFile Open(string path)
    {
        FileSizeLimit.Respect();
        path = Path.GetFullPath(path);
        RegularFile.Require(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        FileStream @lock = Lock(path);
        try
        {
            (IReadOnlyList<JsonObject> lines, long wholeBytes) = File.Exists(path) ? Parse(path, File.ReadAllBytes(path)) : ([], 0);
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            long dropped = file.Length - wholeBytes;
            file.SetLength(wholeBytes);
            file.Position = wholeBytes;
            return new JsonLinesFile(@lock, file, lines, dropped);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>The whole lines of a file; none if there is no file.</summary>
    /// <exception cref="FormatException">A whole line is no JSON object.</exception>
    public static IReadOnlyList<JsonObject> Read(string path) => File.Exists(path) ? Parse(path, RegularFile.ReadAllBytes(path)).Lines : [];

    /// <summary>Writes a line to the disk, whole or not at all. Callers take turns.</summary>
    public void Append(JsonObject line)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(line.ToJsonString(Format)), EndOfLine];
        if (!File.Exists(_file.Name))
            throw new IOException($"'{_file.Name}' was deleted or moved while lines were appended to it. Put it back, or start again.");
        long end = _file.Position;
        try
        {
            _file.Write(bytes);
            _file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException || FileSizeLimit.IsReason(e))
        {
            _file.SetLength(end); // A full disk may have taken a part.
            if (FileSizeLimit.IsReason(e))
                throw FileSizeLimit.Error(_file.Name, e);
            throw;
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private static FileStream Lock(string path)
    {
        string file = $"{path}.lock";
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException problem) when (File.Exists(file))
        {
            throw new IOException(
                $"Expected to be the only process that appends to '{path}', but another one holds '{file}'. "
                + "Wait for it or end it, or name another file.", problem);
        }
    }

    /// <returns>The objects, and how many bytes their lines take.</returns>
    private static (IReadOnlyList<JsonObject> Lines, long WholeBytes) Parse(string path, byte[] bytes)
    {
        var lines = new List<JsonObject>();
        int start = 0;
        for (int end; (end = Array.IndexOf(bytes, EndOfLine, start)) >= 0; start = end + 1)
            lines.Add(ParseLine(path, lines.Count + 1, bytes.AsSpan(start, end - start)));
        return (lines, start);
    }

    private static void ReadAll(JsonNode? node)
    {
        if (node is JsonObject json)
            foreach (var (_, value) in json)
                ReadAll(value);
        else if (node is JsonArray array)
            foreach (var item in array)
                ReadAll(item);
        else if (node?.GetValueKind() == JsonValueKind.String)
            node.GetValue<string>();
    }

    private static JsonObject ParseLine(string path, int number, ReadOnlySpan<byte> line)
    {
        try
        {
            if (JsonNode.Parse(line) is JsonObject parsed)
            {
                ReadAll(parsed); // A node finds out when it is read that it has a key twice, or a text that is none.
                return parsed;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // Told of below.
        }

        string text = Encoding.UTF8.GetString(line[..Math.Min(line.Length, 40)]);
        throw new FormatException($"{path}, line {number}: expected a JSON object, found '{text}'. Remove the line, or name another file.");
    }
}
