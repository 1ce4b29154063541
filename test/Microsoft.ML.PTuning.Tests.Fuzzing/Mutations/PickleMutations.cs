using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes of a pickle opcode by opcode: others, in another order, with other arguments; also programs that would run something.</summary>
internal static class PickleMutations
{
    private static readonly string[] Programs =
    [
        "cos\nsystem\nX\u000e\0\0\0touch executed\u0085R", "cbuiltins\neval\n(X\u0001\0\0\0atR", "c__builtin__\nexec\n)R", "ctorch\nload\n)R",
        "csubprocess\nPopen\n)\u0081",
        "(S'touch executed'\nios\nsystem\n", "cnt\nsystem\n", "ccollections\nOrderedDict\n)R)R", "}(X\u0001\0\0\0aK\u0001u", "\u0094", "\u008c\u0001a",
        "\u0095\0\0\0\0\0\0\0\u007f",
    ];

    /// <summary>MARK, EMPTY_DICT, EMPTY_LIST, NONE, TUPLE1: the stack grows, or what is on it does.</summary>
    private static readonly byte[][] Growing = [[(byte)'('], [(byte)'}'], [(byte)']'], [(byte)'N'], [0x85]];

    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        var codes = Codes(file);
        for (var changes = 1 + dice.Below(3); changes > 0; changes--)
            ChangeOnce(codes, other, dice);
        return [.. codes.SelectMany(code => code)];
    }

    private static void ChangeOnce(List<byte[]> codes, byte[] other, Dice dice)
    {
        var at = dice.Below(codes.Count);
        switch (dice.Below(9))
        {
            case 0 when codes.Count > 1: codes.RemoveAt(at); break;
            case 1: codes.Insert(at, codes[dice.Below(codes.Count)]); break;
            case 2: (codes[at], codes[dice.Below(codes.Count)]) = (codes[dice.Below(codes.Count)], codes[at]); break;
            case 3: codes.Insert(at, [dice.Byte()]); break;
            case 4: codes.Insert(at, Encoding.Latin1.GetBytes(dice.Pick(Programs))); break;
            case 5: codes.InsertRange(at, Codes(other).Skip(dice.Below(50)).Take(1 + dice.Below(20))); break;
            case 6: codes.InsertRange(at, Enumerable.Repeat(dice.Pick(Growing), 1 << dice.Below(16))); break;
            default: codes[at] = WithOtherArgument(codes[at], dice); break;
        }
    }

    private static byte[] WithOtherArgument(byte[] code, Dice dice)
    {
        var number = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, dice.Number());
        switch (code[0])
        {
            case (byte)'K' or (byte)'M' or (byte)'J' or 0x8a:
                return [0x8a, 8, .. number];
            case (byte)'q' or (byte)'r':
                return [(byte)'r', .. number[..4]];
            case (byte)'h' or (byte)'j':
                return dice.OnceIn(2) ? [(byte)'j', .. number[..4]] : [(byte)'h', dice.Byte()];
            case (byte)'X':
                var text = Encoding.UTF8.GetBytes(dice.Text());
                return [(byte)'X', .. BitConverter.GetBytes(dice.OnceIn(4) ? (int)dice.Number() : text.Length), .. text];
            case (byte)'c':
                var module = dice.Pick((string[])["torch", "os", "torch._utils", "collections", dice.Text()]);
                var name = dice.Pick((string[])["FloatStorage", "LongStorage", "BoolStorage", "_rebuild_tensor_v2", "system", dice.Text()]);
                return Encoding.UTF8.GetBytes($"c{module}\n{name}\n");
            default:
                return [dice.Byte(), .. code[1..]];
        }
    }

    /// <summary>The opcodes with their arguments; what is left where one is unknown is the last.</summary>
    private static List<byte[]> Codes(byte[] program)
    {
        var codes = new List<byte[]>();
        for (var at = 0; at < program.Length;)
        {
            var end = Math.Clamp(End(program, at), at + 1L, program.Length);
            codes.Add(program[at..(int)end]);
            at = (int)end;
        }
        return codes.Count > 0 ? codes : [[(byte)'.']];
    }

    private static long End(byte[] program, int at) => program[at] switch
    {
        0x80 or (byte)'K' or (byte)'q' or (byte)'h' => at + 2,
        (byte)'M' => at + 3,
        (byte)'J' or (byte)'r' or (byte)'j' => at + 5,
        (byte)'G' => at + 9,
        (byte)'U' or 0x8a when at + 1 < program.Length => at + 2 + program[at + 1],
        (byte)'X' when at + 5 <= program.Length => at + 5L + BinaryPrimitives.ReadUInt32LittleEndian(program.AsSpan(at + 1)),
        (byte)'c' => Array.IndexOf(program, (byte)'\n', Math.Max(at, Array.IndexOf(program, (byte)'\n', at) + 1)) + 1,
        _ => at + 1,
    };
}
