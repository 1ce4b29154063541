using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.PTuning.Tests.Formats;

/// <summary>Writes a message in the protocol buffers wire format, field by field.</summary>
internal sealed class ProtobufWriter
{
    private readonly MemoryStream _message = new();

    public byte[] ToArray() => _message.ToArray();

    public ProtobufWriter Varint(int field, long value)
    {
        Tag(field, wireType: 0);
        Varint((ulong)value);
        return this;
    }

    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, wireType: 2);
        Varint((ulong)value.Length);
        _message.Write(value);
        return this;
    }

    public ProtobufWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtobufWriter Message(int field, Action<ProtobufWriter> write)
    {
        var inner = new ProtobufWriter();
        write(inner);
        return Bytes(field, inner._message.GetBuffer().AsSpan(0, (int)inner._message.Length));
    }

    public ProtobufWriter Float(int field, float value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        Tag(field, wireType: 5);
        _message.Write(bytes);
        return this;
    }

    /// <summary>Numbers one after the other in one field.</summary>
    public ProtobufWriter Packed(int field, IEnumerable<long> values) => Message(field, inner =>
    {
        foreach (var value in values)
            inner.Varint((ulong)value);
    });

    private void Tag(int field, int wireType) => Varint((uint)field << 3 | (uint)wireType);

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _message.WriteByte((byte)(value | 0x80));
        _message.WriteByte((byte)value);
    }
}
