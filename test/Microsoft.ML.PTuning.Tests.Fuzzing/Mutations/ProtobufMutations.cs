using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes of a protocol buffers message: tags, wire types, lengths, numbers and texts, at any depth.</summary>
internal static class ProtobufMutations
{
    private const int MostDepth = 6;

    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        for (var changes = 1 + dice.Below(3); changes > 0; changes--)
            file = Change(file, other, dice, depth: 0);
        return file;
    }

    private static byte[] Change(byte[] message, byte[] other, Dice dice, int depth)
    {
        if (Fields(message) is not { Count: > 0 } fields)
            return ByteMutations.Change(message, other, dice);

        var at = dice.Below(fields.Count);
        var field = fields[at];
        if (field.Type == 2 && depth < MostDepth && dice.Below(5) > 0)
        {
            fields[at] = field with { Value = ChangeContent(field.Value, other, dice, depth) };
        }
        else
        {
            switch (dice.Below(9))
            {
                case 0: fields.RemoveAt(at); break;
                case 1: fields.Insert(dice.Below(fields.Count), field); break;
                case 2: (fields[at], fields[^1]) = (fields[^1], fields[at]); break;
                case 3: fields[at] = field with { Number = (ulong)(dice.OnceIn(3) ? dice.Number() : dice.Below(40)) }; break;
                case 4: fields[at] = field with { Type = dice.Below(8) }; break;
                case 5: fields[at] = field with { Length = (ulong)dice.Number() }; break;
                case 6 when field.Type == 2: fields[at] = field with { Value = Encoding.UTF8.GetBytes(dice.Text()) }; break;
                case 7 when Fields(other) is { Count: > 0 } others: fields.Insert(at, dice.Pick(others)); break;
                default: fields[at] = WithOtherNumber(field, dice); break;
            }
        }

        return [.. fields.SelectMany(Written)];
    }

    private static byte[] ChangeContent(byte[] value, byte[] other, Dice dice, int depth)
    {
        if (Fields(value) is { Count: > 0 })
            return Change(value, other, dice, depth + 1);
        return dice.OnceIn(2) ? Encoding.UTF8.GetBytes(dice.Text()) : ByteMutations.Change(value, other, dice);
    }

    private static Field WithOtherNumber(Field field, Dice dice)
    {
        var number = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, dice.Number());
        return field.Type switch
        {
            0 => field with { Value = Varint((ulong)dice.Number()) },
            1 => field with { Value = number },
            5 => field with { Value = BitConverter.GetBytes(dice.Pick((float[])[float.NaN, float.PositiveInfinity, 3e38f, 0, -1])) },
            _ => field with { Value = ByteMutations.Overwritten(field.Value, dice.Below(field.Value.Length), number) },
        };
    }

    /// <returns>Null where the bytes are no message.</returns>
    private static List<Field>? Fields(ReadOnlySpan<byte> message)
    {
        var fields = new List<Field>();
        while (!message.IsEmpty)
        {
            if (!TryTake(ref message, out var tag) || tag >> 3 == 0)
                return null;
            var type = (int)(tag & 7);
            var before = message;
            ulong length = type switch { 1 => 8, 5 => 4, _ => 0 };
            if (type is 0 or 2 && !TryTake(ref message, out length))
                return null;
            if (type is 3 or 4 or > 5 || type != 0 && length > (ulong)message.Length)
                return null;

            if (type == 0)
            {
                fields.Add(new(tag >> 3, type, before[..^message.Length].ToArray()));
                continue;
            }
            fields.Add(new(tag >> 3, type, message[..(int)length].ToArray()));
            message = message[(int)length..];
        }
        return fields;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> message, out ulong number)
    {
        number = 0;
        for (var i = 0; i < 10 && i < message.Length; i++)
        {
            number |= (ulong)(message[i] & 0x7F) << (7 * i);
            if (message[i] >= 0x80)
                continue;
            message = message[(i + 1)..];
            return true;
        }
        return false;
    }

    private static byte[] Written(Field field) =>
        [.. Varint(field.Number << 3 | (uint)field.Type), .. field.Type == 2 ? Varint(field.Length ?? (ulong)field.Value.Length) : [], .. field.Value];

    private static byte[] Varint(ulong number)
    {
        var bytes = new List<byte>();
        for (; number >= 0x80; number >>= 7)
            bytes.Add((byte)(number | 0x80));
        bytes.Add((byte)number);
        return [.. bytes];
    }

    /// <param name="Length">The length that is written; null for the right one.</param>
    private sealed record Field(ulong Number, int Type, byte[] Value, ulong? Length = null);
}
