using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Numbers of an ONNX file as F32.</summary>
internal static class OnnxNumbers
{
    /// <summary>Numbers as they are in memory, little endian, one after the other.</summary>
    /// <param name="tensor">A TensorProto.</param>
    /// <exception cref="FormatException">Its fields hold other numbers than it announces.</exception>
    public static byte[] FromFields(ReadOnlySpan<byte> tensor, OnnxConstant constant)
    {
        var field = TensorFields.FieldOf(constant.Type);
        var numbers = new byte[constant.Count * constant.ElementSize];
        var rest = numbers.AsSpan();
        for (var fields = new ProtobufFields(tensor); fields.MoveNext();)
        {
            if (fields.Number != field)
                continue;

            if (field is 4 or 10)
                Append(fields.HasBytes ? fields.Bytes : fields.Fixed, ref rest, constant);
            else if (!fields.HasBytes)
                Append(fields.Varint, ref rest, constant);
            else
                for (var packed = fields.Bytes; !packed.IsEmpty;)
                    Append(ProtobufFields.ReadVarint(ref packed), ref rest, constant);
        }

        return rest.IsEmpty ? numbers : throw Disagree(constant);
    }

    /// <summary>Converts numbers, and dequantises them.</summary>
    /// <param name="bytes">A constant's numbers as they are in memory.</param>
    /// <param name="quantization">Null where the numbers are not quantised.</param>
    /// <param name="numbers">Where they go, as many as the constant has, transposed where the weight is.</param>
    public static void Read(ReadOnlySpan<byte> bytes, OnnxWeight weight, ChannelScales? quantization, Span<float> numbers)
    {
        var (type, size) = (weight.Constant.Type, weight.Constant.ElementSize);
        if (!weight.IsTransposed)
        {
            Convert(bytes, type, numbers);
            quantization?.Apply(bytes, type, first: 0, numbers);
            return;
        }

        // A few rows at a time, so that writes to a column are next to each other.
        const int together = 32;
        var (rows, columns) = ((int)weight.Constant.Shape[0], (int)weight.Constant.Shape[1]);
        var block = new float[Math.Min(together, rows) * columns];
        for (var row = 0; row < rows; row += together)
        {
            var height = Math.Min(together, rows - row);
            var part = block.AsSpan(0, height * columns);
            var source = bytes.Slice(row * columns * size, part.Length * size);
            Convert(source, type, part);
            quantization?.Apply(source, type, (long)row * columns, part);
            for (var column = 0; column < columns; column++)
                for (var i = 0; i < height; i++)
                    numbers[column * rows + row + i] = part[i * columns + column];
        }
    }

    /// <summary>Numbers of a type that numbers are quantised to (<see cref="OnnxConstant.IsQuantized"/>).</summary>
    public static int[] Integers(ReadOnlySpan<byte> bytes, string type) => type switch
    {
        "I8" => Integers(MemoryMarshal.Cast<byte, sbyte>(bytes)),
        "U8" => Integers(bytes),
        "I16" => Integers(MemoryMarshal.Cast<byte, short>(bytes)),
        "U16" => Integers(MemoryMarshal.Cast<byte, ushort>(bytes)),
        "I32" => Integers(MemoryMarshal.Cast<byte, int>(bytes)),
        _ => throw new UnreachableException(type),
    };

    /// <summary>Converts numbers of a type with a fraction; other types are not converted.</summary>
    public static void Convert(ReadOnlySpan<byte> bytes, string type, Span<float> numbers)
    {
        switch (type)
        {
            case "F32":
                bytes.CopyTo(MemoryMarshal.AsBytes(numbers));
                break;
            case "F16":
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
                break;
            case "BF16":
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadInt16LittleEndian(bytes[(2 * i)..]) << 16);
                break;
            case "F64":
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * i)..]);
                break;
        }
    }

    private static int[] Integers<T>(ReadOnlySpan<T> numbers)
        where T : IBinaryInteger<T>
    {
        var integers = new int[numbers.Length];
        for (var i = 0; i < integers.Length; i++)
            integers[i] = int.CreateTruncating(numbers[i]);
        return integers;
    }

    private static void Append(ReadOnlySpan<byte> bytes, ref Span<byte> rest, OnnxConstant constant)
    {
        if (bytes.Length > rest.Length)
            throw Disagree(constant);
        bytes.CopyTo(rest);
        rest = rest[bytes.Length..];
    }

    private static void Append(ulong number, ref Span<byte> rest, OnnxConstant constant)
    {
        if (rest.IsEmpty)
            throw Disagree(constant);
        for (var i = 0; i < constant.ElementSize; i++)
            rest[i] = (byte)(number >> (8 * i));
        rest = rest[constant.ElementSize..];
    }

    private static FormatException Disagree(OnnxConstant constant) => new($"its tensor {constant} has other numbers than it announces");
}
