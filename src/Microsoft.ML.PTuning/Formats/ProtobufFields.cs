using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>The fields of a message in the protocol buffers wire format, one after the other.</summary>
/// <remarks>Throws <see cref="FormatException"/> if the bytes are no message, or a field has another type than the property that reads it.</remarks>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly int _length = message.Length;
    private ReadOnlySpan<byte> _rest = message;
    private ReadOnlySpan<byte> _bytes;
    private ulong _varint;
    private WireType _type;

    private enum WireType
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    /// <summary>The current field's number in its message.</summary>
    public int Number { get; private set; }

    /// <summary>Where <see cref="Bytes"/> begin, counted from the beginning of the message.</summary>
    public readonly int Offset => _length - _rest.Length - Bytes.Length;

    /// <summary>Whether the current field has <see cref="Bytes"/>: a text, a message, or numbers packed one after the other.</summary>
    public readonly bool HasBytes => _type == WireType.Bytes;

    public readonly ReadOnlySpan<byte> Bytes => Of(WireType.Bytes);

    public readonly string Text
    {
        get
        {
            try
            {
                return StrictUtf8.GetString(Bytes);
            }
            catch (DecoderFallbackException)
            {
                throw new FormatException($"field {Number} is text, but not UTF-8");
            }
        }
    }

    public readonly float Float => BinaryPrimitives.ReadSingleLittleEndian(Of(WireType.Fixed32));

    /// <summary>The bytes of a number of a fixed size: 4 or 8.</summary>
    public readonly ReadOnlySpan<byte> Fixed => _type == WireType.Fixed64 ? _bytes : Of(WireType.Fixed32);

    public readonly bool Flag => Varint != 0;

    public readonly ulong Varint => _type == WireType.Varint ? _varint : throw Mismatch(WireType.Varint);

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;

        var tag = ReadVarint(ref _rest);
        _type = (WireType)(tag & 7);
        Number = tag >> 3 is > 0 and < 1 << 29 and var number ? (int)number : throw new FormatException($"a field has the number {tag >> 3}");
        if (_type == WireType.Varint)
            _varint = ReadVarint(ref _rest);
        else
            _bytes = Take(Length());
        return true;
    }

    /// <summary>Takes the first of numbers that are packed one after the other.</summary>
    public static ulong ReadVarint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0UL;
        for (var i = 0; i < 10 && i < bytes.Length; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }

        throw new FormatException("a number has no end");
    }

    private ulong Length() => _type switch
    {
        WireType.Bytes => ReadVarint(ref _rest),
        WireType.Fixed32 => sizeof(uint),
        WireType.Fixed64 => sizeof(ulong),
        _ => throw new FormatException($"field {Number} is of the wire type {(int)_type}, which is none"),
    };

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
            throw new FormatException($"field {Number} takes {length} bytes, but only {_rest.Length} are left");

        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private readonly ReadOnlySpan<byte> Of(WireType type) => _type == type ? _bytes : throw Mismatch(type);

    private readonly FormatException Mismatch(WireType type) => new($"field {Number} is of the wire type {_type}, not {type}");
}
