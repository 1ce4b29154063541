using System.Text.Json;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Which file of a sharded checkpoint holds which tensor.</summary>
/// <remarks>
/// The format: <c>{"metadata": {...}, "weight_map": {"embeddings.word_embeddings.weight": "model-00001-of-00002.safetensors", ...}}</c>;
/// the files are beside the index.
/// </remarks>
/// <param name="Path">Where the index is.</param>
/// <param name="FileOf">The file's name, by the tensor's.</param>
internal sealed record CheckpointIndex(string Path, IReadOnlyDictionary<string, string> FileOf)
{
    /// <summary>Longer than any index; safetensors limits its headers to the same.</summary>
    private const long LongestIndex = 100_000_000;

    /// <summary>The names of the files, each once.</summary>
    public IReadOnlyList<string> Shards { get; } = [.. FileOf.Values.Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Reads and checks an index; its files are not looked at.</summary>
    /// <exception cref="InvalidDataException">It is no index, or it names files elsewhere.</exception>
    public static CheckpointIndex Read(string path)
    {
        if (RegularFile.LengthOf(path) > LongestIndex)
            throw Refuse(path, $"it is longer than {LongestIndex} bytes");

        try
        {
            using var document = JsonDocument.Parse(RegularFile.ReadAllBytes(path));
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw Refuse(path, "it has no object 'weight_map'");
            return new(path, Files(map, path));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: a string that is no Unicode
        {
            throw Refuse(path, $"it is not JSON ({e.Message})", e);
        }
    }

    private static Dictionary<string, string> Files(JsonElement map, string path)
    {
        var files = new Dictionary<string, string>();
        foreach (var property in map.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String || property.Value.GetString() is not { } file || !IsFileName(file))
                throw Refuse(path, $"it places tensor '{property.Name}' in {property.Value.GetRawText()}, expected a file's name without a folder");
            if (!files.TryAdd(property.Name, file))
                throw Refuse(path, $"it places tensor '{property.Name}' twice");
        }

        return files.Count > 0 ? files : throw Refuse(path, "its 'weight_map' is empty");
    }

    private static bool IsFileName(string name) => PlainPath.IsBelow(name) && !name.Contains('/');

    private static InvalidDataException Refuse(string path, string reason, Exception? inner = null) =>
        new($"'{path}' cannot be read as the index of a sharded checkpoint: {reason}. Fetch or save the checkpoint again.", inner);
}
