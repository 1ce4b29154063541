using System.Buffers.Binary;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes of a safetensors file: its header as JSON, the header's length, numbers that are none.</summary>
internal static class SafetensorsMutations
{
    private static readonly float[] OddNumbers = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e38f, float.Epsilon, -0f];

    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        var (header, data) = Parts(file);
        switch (dice.Below(8))
        {
            case 0:
                Span<byte> number = stackalloc byte[sizeof(float)];
                for (var i = 1 + dice.Below(4); i > 0; i--)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(number, dice.Pick(OddNumbers));
                    data = ByteMutations.Overwritten(data, dice.Below(data.Length / sizeof(float)) * sizeof(float), number);
                }
                return Whole(header, data, header.Length);
            case 1:
                return Whole(header, data, dice.OnceIn(2) ? dice.Number() : header.Length + dice.Below(9) - 4);
            case 2:
                return Whole(header, dice.OnceIn(2) ? data[..dice.Below(data.Length)] : [.. data, .. dice.Bytes(1 + dice.Below(64))], header.Length);
            case 3:
                return Whole(Parts(other).Header, data, Parts(other).Header.Length);
            default:
                header = JsonMutations.Change(header, Parts(other).Header, dice);
                return Whole(header, data, header.Length);
        }
    }

    private static (byte[] Header, byte[] Data) Parts(byte[] file)
    {
        if (file.Length < sizeof(long))
            return ([], file);
        var length = (int)Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(file), 0, file.Length - sizeof(long));
        return (file[sizeof(long)..(sizeof(long) + length)], file[(sizeof(long) + length)..]);
    }

    private static byte[] Whole(byte[] header, byte[] data, long length) => [.. BitConverter.GetBytes(length), .. header, .. data];
}
