using System.Buffers.Binary;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The fields of a message in the protocol buffers wire format, one after the other.</summary>
/// <remarks>Throws <see cref="FormatException"/> where the bytes are no message, or a field is of another type than the one asked for.</remarks>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
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

    public readonly ReadOnlySpan<byte> Bytes => Of(WireType.Bytes);

    public readonly string Text
    {
        get
        {
            try
            {
                return TokenizerFiles.StrictUtf8.GetString(Bytes);
            }
            catch (System.Text.DecoderFallbackException)
            {
                throw new FormatException($"field {Number} is text, but not UTF-8");
            }
        }
    }

    public readonly float Float => BinaryPrimitives.ReadSingleLittleEndian(Of(WireType.Fixed32));

    public readonly bool Flag => Varint != 0;

    public readonly ulong Varint => _type == WireType.Varint ? _varint : throw Mismatch(WireType.Varint);

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;

        var tag = ReadVarint();
        _type = (WireType)(tag & 7);
        Number = tag >> 3 is > 0 and < 1 << 29 and var number ? (int)number : throw new FormatException($"a field has the number {tag >> 3}");
        if (_type == WireType.Varint)
            _varint = ReadVarint();
        else
            _bytes = Take(Length());
        return true;
    }

    private ulong Length() => _type switch
    {
        WireType.Bytes => ReadVarint(),
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

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var i = 0; i < 10 && i < _rest.Length; i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new FormatException("a number has no end");
    }

    private readonly ReadOnlySpan<byte> Of(WireType type) => _type == type ? _bytes : throw Mismatch(type);

    private readonly FormatException Mismatch(WireType type) => new($"field {Number} is of the wire type {_type}, not {type}");
}
