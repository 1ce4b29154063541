using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Tests.Formats;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>The numbers of TensorProto.DataType.</summary>
public enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Float16 = 10,
    Double = 11,
    BFloat16 = 16,
    Int4 = 22,
}

/// <summary>A tensor of an ONNX file that a test writes.</summary>
/// <param name="Numbers">As they are in memory.</param>
internal sealed record DraftTensor(string Name, OnnxType Type, long[] Shape, byte[] Numbers)
{
    /// <summary>Whether the numbers go packed or one by one into typed fields (<c>float_data</c>, <c>int32_data</c>); null for <c>raw_data</c>.</summary>
    public bool? IsPacked { get; init; }

    /// <summary>Key and value of <c>external_data</c>; null where the numbers are in the file itself.</summary>
    public IReadOnlyDictionary<string, string>? External { get; init; }

    public static DraftTensor Of(string name, float[] numbers, params long[] shape) => new(name, OnnxType.Float, shape, Bytes(numbers));

    public static DraftTensor Of(string name, sbyte[] numbers, params long[] shape) => new(name, OnnxType.Int8, shape, Bytes(numbers));

    public static DraftTensor Of(string name, byte[] numbers, params long[] shape) => new(name, OnnxType.UInt8, shape, numbers);

    public static DraftTensor Of(string name, int[] numbers, params long[] shape) => new(name, OnnxType.Int32, shape, Bytes(numbers));

    public static DraftTensor Of(string name, long[] numbers, params long[] shape) => new(name, OnnxType.Int64, shape, Bytes(numbers));

    /// <summary>The numbers of a tensor of floats.</summary>
    public float[] Floats =>
        Type == OnnxType.Float ? MemoryMarshal.Cast<byte, float>(Numbers).ToArray() : throw new InvalidOperationException($"{Name} is {Type}.");

    public DraftTensor AsHalf(string? name = null) =>
        new(name ?? Name, OnnxType.Float16, Shape, Bytes(Floats.Select(number => (Half)number).ToArray()));

    /// <summary>Rounded to the nearest number of 8 significant bits, ties to even.</summary>
    public DraftTensor AsBFloat16(string? name = null) => new(name ?? Name, OnnxType.BFloat16, Shape, Bytes(Floats.Select(number =>
    {
        var bits = BitConverter.SingleToUInt32Bits(number);
        return (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }).ToArray()));

    public void Write(ProtobufWriter message)
    {
        foreach (var size in Shape)
            message.Varint(1, size);
        message.Varint(2, (long)Type).Text(8, Name);
        if (External is not null)
        {
            foreach (var (key, value) in External)
                message.Message(13, entry => entry.Text(1, key).Text(2, value));
            message.Varint(14, 1);
        }
        else if (IsPacked is { } isPacked)
        {
            WriteFields(message, isPacked);
        }
        else
        {
            message.Bytes(9, Numbers);
        }
    }

    private static byte[] Bytes<T>(T[] numbers)
        where T : struct => [.. MemoryMarshal.AsBytes(numbers.AsSpan())];

    private void WriteFields(ProtobufWriter message, bool isPacked)
    {
        if (Type == OnnxType.Float)
        {
            if (isPacked)
                message.Bytes(4, Numbers);
            else
                foreach (var number in Floats)
                    message.Float(4, number);
            return;
        }

        long[] numbers = Type switch
        {
            OnnxType.Int64 => [.. MemoryMarshal.Cast<byte, long>(Numbers)],
            OnnxType.Int32 => [.. MemoryMarshal.Cast<byte, int>(Numbers).ToArray().Select(number => (long)number)],
            OnnxType.Int8 => [.. Numbers.Select(number => (long)(sbyte)number)],
            OnnxType.UInt8 => [.. Numbers.Select(number => (long)number)],
            _ => [.. MemoryMarshal.Cast<byte, ushort>(Numbers).ToArray().Select(number => (long)number)],
        };
        var field = Type == OnnxType.Int64 ? 7 : 5;
        if (isPacked)
            message.Packed(field, numbers);
        else
            foreach (var number in numbers)
                message.Varint(field, number);
    }
}
