using System.Globalization;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Collects the fields of a TensorProto and checks that they agree.</summary>
internal sealed class TensorFields
{
    private readonly Dictionary<int, long> _counts = [];
    private readonly Dictionary<int, OnnxBytes> _packed = [];

    /// <summary>Where the message is in the file.</summary>
    public required long At { get; init; }

    public required long Length { get; init; }

    public string Name { get; set; } = "";

    public string Type { get; set; } = "UNDEFINED";

    public List<long> Shape { get; } = [];

    /// <summary>The numbers as they are in memory.</summary>
    public OnnxBytes? Raw { get; set; }

    public bool IsExternal { get; set; }

    /// <summary>Where the numbers are in another file: <c>location</c>, <c>offset</c>, <c>length</c>.</summary>
    public Dictionary<string, string> External { get; } = new(StringComparer.Ordinal);

    /// <summary>The field of a TensorProto that holds numbers of a type, where they are not raw; 0 where none does.</summary>
    public static int FieldOf(string type) => type switch
    {
        "F32" => 4,
        "I32" or "I16" or "I8" or "U16" or "U8" or "BOOL" or "F16" or "BF16" => 5,
        "I64" => 7,
        "F64" => 10,
        "U32" or "U64" => 11,
        _ => 0,
    };

    /// <summary>Adds a field of numbers: one of them, or many that are packed.</summary>
    public void Add(ProtobufFields field)
    {
        var before = _counts.GetValueOrDefault(field.Number);
        _counts[field.Number] = before + (field.HasBytes ? CountOf(field.Number, field.Bytes) : 1);

        // Numbers of a fixed size that are packed at once lie in the file as they do in memory.
        if (field.HasBytes && before == 0)
            _packed[field.Number] = new(null, At + field.Offset, field.Bytes.Length);
    }

    /// <exception cref="FormatException">The fields do not agree.</exception>
    public OnnxConstant Constant() => new(Name, Type, [.. Shape], IsExternal ? ExternalBytes(ByteLength()) : OwnBytes(ByteLength()));

    private static long CountOf(int field, ReadOnlySpan<byte> packed)
    {
        if (field is 4 or 10)
            return packed.Length / (field == 4 ? sizeof(float) : sizeof(double));

        var count = 0L;
        foreach (var part in packed)
            count += part < 0x80 ? 1 : 0;
        return count;
    }

    /// <returns>Null for a type whose numbers are not read.</returns>
    private long? ByteLength()
    {
        if (Shape.Any(size => size < 0))
            throw Refuse($"has the shape {Format()}, which is none");

        try
        {
            var size = OnnxTypes.ElementSize(Type);
            var length = Shape.Aggregate((long)Math.Max(size, 1), (product, size) => checked(product * size));
            return size == 0 ? null : length;
        }
        catch (OverflowException)
        {
            throw Refuse($"has the shape {Format()}, which is larger than any file");
        }
    }

    private OnnxBytes OwnBytes(long? expected)
    {
        if (expected is null)
            return new(null, At, Length, AreFields: true);
        if (Raw is not null)
            return Raw.Length == expected ? Raw : throw Refuse($"is {Type} {Format()}, {expected} bytes, but has {Raw.Length}");

        var count = _counts.GetValueOrDefault(FieldOf(Type));
        if (count != expected / OnnxTypes.ElementSize(Type))
            throw Refuse($"is {Type} {Format()}, {expected / OnnxTypes.ElementSize(Type)} numbers, but has {count}");
        var isAtOnce = Type is "F32" or "F64" && _packed.TryGetValue(FieldOf(Type), out var packed) && packed.Length == expected;
        return isAtOnce ? _packed[FieldOf(Type)] : new(null, At, Length, AreFields: true);
    }

    private OnnxBytes ExternalBytes(long? expected)
    {
        if (!External.TryGetValue("location", out var location))
            throw Refuse("is in another file, but none is named");
        if (Number("length") is { } length && expected is not null && length != expected)
            throw Refuse($"is {Type} {Format()}, {expected} bytes, but has {length} in '{location}'");
        return new(location, Number("offset") ?? 0, expected ?? Number("length"));
    }

    private long? Number(string key)
    {
        if (!External.TryGetValue(key, out var text))
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Refuse($"has '{text}' as {key} of its bytes, expected a whole number");
    }

    private string Format() => $"[{string.Join(", ", Shape)}]";

    private FormatException Refuse(string reason) => new($"its tensor '{Name}' {reason}");
}
