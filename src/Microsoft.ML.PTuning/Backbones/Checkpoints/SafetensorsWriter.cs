using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Checkpoints;

/// <summary>How a tensor's numbers are stored.</summary>
internal enum SafetensorsStorage
{
    /// <summary>Four bytes a number, exact.</summary>
    F32,

    /// <summary>Two bytes a number, rounded to 11 significant bits; up to 65504 in size.</summary>
    F16,
}

/// <summary>Writes tensors in the safetensors format.</summary>
/// <remarks>The tensors' bytes begin at a multiple of 8, so that any reader may map them.</remarks>
internal static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <summary>Writes tensors in the order given; the same tensors give the same bytes.</summary>
    /// <param name="stream">It need not seek, and stays open.</param>
    /// <param name="tensors">Tensors of any floating-point type on any device, each name once.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>.</param>
    /// <exception cref="ArgumentException">A name stands twice, or is the format's own, or a tensor's numbers do not fit the storage.</exception>
    public static void Write(
        Stream stream,
        IReadOnlyList<(string Name, Tensor Tensor)> tensors,
        SafetensorsStorage storage = SafetensorsStorage.F32,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        CheckNames(tensors.Select(t => t.Name));

        var header = Header(tensors, storage, metadata);
        Span<byte> length = stackalloc byte[SafetensorsHeader.LengthBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);

        foreach (var (name, tensor) in tensors)
            WriteNumbers(stream, name, tensor, storage);
    }

    private static void CheckNames(IEnumerable<string> names)
    {
        var seen = new HashSet<string> { SafetensorsHeader.MetadataKey };
        foreach (var name in names)
        {
            if (!seen.Add(name))
            {
                throw new ArgumentException(
                    $"A safetensors file holds each name once and keeps '{SafetensorsHeader.MetadataKey}' for itself; '{name}' came again.", nameof(names));
            }
        }
    }

    private static byte[] Header(
        IReadOnlyList<(string Name, Tensor Tensor)> tensors, SafetensorsStorage storage, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
                WriteMetadata(json, metadata);

            var offset = 0L;
            foreach (var (name, tensor) in tensors)
                offset = WriteEntry(json, name, tensor, storage, offset);
            json.WriteEndObject();
        }

        while ((SafetensorsHeader.LengthBytes + buffer.Length) % Alignment != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject(SafetensorsHeader.MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    /// <returns>Where the next tensor's bytes begin.</returns>
    private static long WriteEntry(Utf8JsonWriter json, string name, Tensor tensor, SafetensorsStorage storage, long offset)
    {
        var end = offset + tensor.numel() * (storage == SafetensorsStorage.F16 ? 2 : 4);
        json.WriteStartObject(name);
        json.WriteString("dtype", storage.ToString());
        json.WriteStartArray("shape");
        foreach (var size in tensor.shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
        return end;
    }

    private static void WriteNumbers(Stream stream, string name, Tensor tensor, SafetensorsStorage storage)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();

        var numbers = tensor.detach().cpu().to(storage == SafetensorsStorage.F16 ? ScalarType.Float16 : ScalarType.Float32).contiguous();
        if (storage == SafetensorsStorage.F16 && !numbers.isfinite().all().item<bool>())
            throw new ArgumentException($"Tensor '{name}' holds numbers beyond F16's ±65504; store it as F32.");
        if (numbers.numel() > 0)
            stream.Write(numbers.bytes);
    }
}
