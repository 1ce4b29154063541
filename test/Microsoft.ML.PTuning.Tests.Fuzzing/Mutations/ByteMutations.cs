using System.Buffers.Binary;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes that know nothing of a format.</summary>
internal static class ByteMutations
{
    /// <param name="other">A file to splice with.</param>
    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        for (var changes = 1 + dice.Below(3); changes > 0; changes--)
            file = ChangeOnce(file, other, dice);
        return file;
    }

    private static byte[] ChangeOnce(byte[] file, byte[] other, Dice dice)
    {
        var at = dice.Below(file.Length);
        switch (dice.Below(10))
        {
            case 0:
                return file[..at];
            case 1:
                return [.. file[..at], .. file[Math.Min(file.Length, at + 1 + dice.Below(64))..]];
            case 2:
                return [.. file[..at], .. dice.Bytes(1 + dice.Below(16)), .. file[at..]];
            case 3:
                return [.. file[..at], .. file.AsSpan(at, Math.Min(1 + dice.Below(256), file.Length - at)), .. file[at..]];
            case 4:
                return [.. file[..at], .. other[dice.Below(other.Length)..]];
            case 5:
                return [.. file, .. dice.Bytes(1 + dice.Below(64))];
            case 6:
                return Overwritten(file, at, new byte[1 + dice.Below(64)]);
            case 7:
                Span<byte> number = stackalloc byte[sizeof(long)];
                BinaryPrimitives.WriteInt64LittleEndian(number, dice.Number());
                return Overwritten(file, at, number[..(1 << dice.Below(4))]);
            case 8:
                return Overwritten(file, at, [dice.Byte()]);
            default:
                return file.Length == 0 ? file : Overwritten(file, at, [(byte)(file[at] ^ 1 << dice.Below(8))]);
        }
    }

    /// <summary>The file with other bytes at a place, as far as it goes.</summary>
    public static byte[] Overwritten(byte[] file, int at, ReadOnlySpan<byte> bytes)
    {
        byte[] changed = [.. file];
        bytes[..Math.Min(bytes.Length, changed.Length - at)].CopyTo(changed.AsSpan(at));
        return changed;
    }
}
