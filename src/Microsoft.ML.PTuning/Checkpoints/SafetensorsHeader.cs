using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>One tensor as a safetensors header describes it.</summary>
/// <param name="Offset">Where its bytes begin, counted from the beginning of the file.</param>
/// <param name="ByteLength">How many bytes it takes.</param>
internal sealed record SafetensorsEntry(string Name, string Type, long[] Shape, long Offset, long ByteLength) : CheckpointEntry(Name, Type, Shape);

/// <summary>The header of a safetensors file, read and checked.</summary>
/// <remarks>
/// The format: 8 bytes N (unsigned, little endian), N bytes of JSON <c>{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}}</c>
/// with free strings under <c>__metadata__</c>, then the tensors' bytes, which follow one another without gaps; offsets count from there.
/// </remarks>
/// <param name="Entries">The tensors by name, in the order of their bytes.</param>
/// <param name="Metadata">The strings under <c>__metadata__</c>.</param>
internal sealed record SafetensorsHeader(IReadOnlyDictionary<string, SafetensorsEntry> Entries, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>More than any encoder's tensor has.</summary>
    private const int MostDimensions = 16;

    private const string MetadataKey = SafetensorsPrologue.MetadataKey;

    private const int LengthBytes = SafetensorsPrologue.LengthBytes;

    /// <summary>The longest header that the format's own reader takes.</summary>
    private const long LongestHeader = 100_000_000;

    /// <summary>Reads and checks a header.</summary>
    /// <param name="stream">The whole file, seekable.</param>
    /// <param name="source">The file's name in messages.</param>
    /// <exception cref="InvalidDataException">The header is damaged, or does not agree with the bytes after it.</exception>
    public static SafetensorsHeader Read(Stream stream, string source)
    {
        var length = JsonLength(stream, source);
        var json = new byte[length];
        stream.ReadExactly(json);

        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Parse(document.RootElement, dataStart: LengthBytes + length, stream.Length, source)
                : throw Refuse(source, $"its header is a JSON {document.RootElement.ValueKind}, expected an object");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: a string that is no Unicode
        {
            throw Refuse(source, $"its header is not JSON ({e.Message})", e);
        }
    }

    /// <summary>Bytes of an element, 0 for a type that the format does not know.</summary>
    private static int ElementSize(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" => 1,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "F32" or "I32" or "U32" => 4,
        "F64" or "I64" or "U64" => 8,
        _ => 0,
    };

    private static long JsonLength(Stream stream, string source)
    {
        if (stream.Length < LengthBytes)
            throw Refuse(source, $"it has {stream.Length} bytes, fewer than the {LengthBytes} of a header's length");

        Span<byte> bytes = stackalloc byte[LengthBytes];
        stream.Position = 0;
        stream.ReadExactly(bytes);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (length > LongestHeader)
            throw Refuse(source, $"it announces a header of {length} bytes, more than the format's {LongestHeader}; it is no safetensors file");
        if ((long)length > stream.Length - LengthBytes)
            throw Refuse(source, $"it announces a header of {length} bytes but only {stream.Length - LengthBytes} follow; it is cut short");
        return (long)length;
    }

    private static SafetensorsHeader Parse(JsonElement root, long dataStart, long fileLength, string source)
    {
        var metadata = new Dictionary<string, string>();
        var entries = new Dictionary<string, SafetensorsEntry>();
        foreach (var property in root.EnumerateObject())
        {
            if (property.Name == MetadataKey)
                ReadMetadata(property.Value, metadata, source);
            else if (!entries.TryAdd(property.Name, ReadEntry(property, dataStart, fileLength, source)))
                throw Refuse(source, $"tensor '{property.Name}' stands in its header twice");
        }

        var ordered = entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.ByteLength).ToArray();
        CheckBytesAreNamedOnce(ordered, dataStart, fileLength, source);
        return new(ordered.ToDictionary(e => e.Name), metadata);
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string source)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Refuse(source, $"{MetadataKey} is a JSON {value.ValueKind}, expected an object of strings");
        foreach (var pair in value.EnumerateObject())
        {
            metadata[pair.Name] = pair.Value.ValueKind == JsonValueKind.String
                ? pair.Value.GetString()!
                : throw Refuse(source, $"{MetadataKey} entry '{pair.Name}' is a JSON {pair.Value.ValueKind}, expected a string");
        }
    }

    private static SafetensorsEntry ReadEntry(JsonProperty property, long dataStart, long fileLength, string source)
    {
        var (name, value) = (property.Name, property.Value);
        if (value.ValueKind != JsonValueKind.Object)
            throw Refuse(source, $"tensor '{name}' is a JSON {value.ValueKind}, expected an object");

        var type = value.TryGetProperty("dtype", out var dtype) && dtype.ValueKind == JsonValueKind.String ? dtype.GetString()! : "";
        var elementSize = ElementSize(type);
        if (elementSize == 0)
            throw Refuse(source, $"tensor '{name}' has dtype '{type}', which this reader does not know");

        var shape = Numbers(value, "shape") ?? throw Refuse(source, $"tensor '{name}' has no shape of whole numbers");
        if (shape.Length > MostDimensions)
            throw Refuse(source, $"tensor '{name}' has {shape.Length} dimensions, more than {MostDimensions}");
        if (Numbers(value, "data_offsets") is not [var begin, var end])
            throw Refuse(source, $"tensor '{name}' has no data_offsets of two whole numbers");
        if (begin > end || end > fileLength - dataStart)
        {
            throw Refuse(source, $"tensor '{name}' lies at bytes {begin} to {end} of the data, which has {fileLength - dataStart}; "
                + "the file is cut short or damaged");
        }

        var expected = ByteLength(shape, elementSize);
        if (expected != end - begin)
        {
            var bytes = expected?.ToString(CultureInfo.InvariantCulture) ?? "too many";
            throw Refuse(source, $"tensor '{name}' is {type} {TensorDeclaration.Format(shape)}, {bytes} bytes, but its data_offsets span {end - begin}");
        }

        return new(name, type, shape, dataStart + begin, end - begin);
    }

    /// <returns>The numbers, none negative; null where there is something else.</returns>
    private static long[]? Numbers(JsonElement entry, string key)
    {
        if (!entry.TryGetProperty(key, out var array) || array.ValueKind != JsonValueKind.Array)
            return null;

        var numbers = new List<long>();
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number) || number < 0)
                return null;
            numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <returns>Null if it exceeds a 64-bit number.</returns>
    private static long? ByteLength(long[] shape, int elementSize)
    {
        try
        {
            return shape.Aggregate((long)elementSize, (product, size) => checked(product * size));
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static void CheckBytesAreNamedOnce(SafetensorsEntry[] ordered, long dataStart, long fileLength, string source)
    {
        var (at, previous) = (dataStart, "the header");
        foreach (var entry in ordered)
        {
            if (entry.Offset < at)
                throw Refuse(source, $"tensors '{previous}' and '{entry.Name}' overlap");
            if (entry.Offset > at)
                throw Refuse(source, $"{entry.Offset - at} bytes between '{previous}' and tensor '{entry.Name}' belong to no tensor");
            (at, previous) = (entry.Offset + entry.ByteLength, entry.Name);
        }

        if (at != fileLength)
            throw Refuse(source, $"{fileLength - at} bytes after its last tensor belong to no tensor");
    }

    private static InvalidDataException Refuse(string source, string reason, Exception? inner = null) =>
        new($"'{source}' cannot be read as safetensors: {reason}. Fetch or save the file again.", inner);
}
