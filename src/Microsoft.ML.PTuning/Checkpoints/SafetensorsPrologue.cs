using System.Buffers.Binary;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>A tensor that is to be written.</summary>
/// <param name="Type">The element type as safetensors spells it.</param>
/// <param name="Bytes">How many bytes its numbers take.</param>
internal sealed record SafetensorsPlan(string Name, string Type, IReadOnlyList<long> Shape, long Bytes);

/// <summary>Writes the beginning of a safetensors file, before the numbers: the header's length and the header. Needs no TorchSharp.</summary>
internal static class SafetensorsPrologue
{
    /// <summary>Bytes of the number at the start, the header's length.</summary>
    public const int LengthBytes = sizeof(ulong);

    /// <summary>The header's key that names no tensor.</summary>
    public const string MetadataKey = "__metadata__";

    private const int Alignment = 8;

    /// <param name="tensors">In the order in which their numbers will follow.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>.</param>
    /// <returns>Bytes whose count is a multiple of 8, so that any reader may map the numbers behind them.</returns>
    /// <exception cref="ArgumentException">A name stands twice, or is the format's own.</exception>
    public static byte[] Write(IEnumerable<SafetensorsPlan> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var buffer = new MemoryStream();
        buffer.SetLength(buffer.Position = LengthBytes);
        using (var json = new Utf8JsonWriter(buffer))
            WriteHeader(json, tensors, metadata);
        while (buffer.Length % Alignment != 0)
            buffer.WriteByte((byte)' ');

        var bytes = buffer.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(bytes.Length - LengthBytes));
        return bytes;
    }

    private static void WriteHeader(Utf8JsonWriter json, IEnumerable<SafetensorsPlan> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        json.WriteStartObject();
        if (metadata is { Count: > 0 })
            WriteMetadata(json, metadata);

        var (names, offset) = (new HashSet<string> { MetadataKey }, 0L);
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name))
                throw new ArgumentException(
                    $"A safetensors file holds each name once and keeps '{MetadataKey}' for itself; '{tensor.Name}' came again.", nameof(tensors));
            WriteEntry(json, tensor, offset);
            offset += tensor.Bytes;
        }
        json.WriteEndObject();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject(MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, SafetensorsPlan tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Type);
        json.WriteStartArray("shape");
        foreach (var size in tensor.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.Bytes);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
