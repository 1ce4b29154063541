using System.Text;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes of a text line by line: vocabularies, merges, objects in lines.</summary>
internal static class LineMutations
{
    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        var lines = Encoding.UTF8.GetString(file).Split('\n').ToList();
        for (var changes = 1 + dice.Below(4); changes > 0; changes--)
            ChangeOnce(lines, other, dice);

        var ending = dice.OnceIn(8) ? dice.Pick((string[])["\r\n", "\r", "\n\n", "\u2028"]) : "\n";
        byte[] bytes = Encoding.UTF8.GetBytes(string.Join(ending, lines));
        return dice.Below(12) switch
        {
            0 => [0xEF, 0xBB, 0xBF, .. bytes],
            1 => [0xFF, 0xFE, .. bytes],
            2 => ByteMutations.Overwritten(bytes, dice.Below(bytes.Length), [0xC3, 0x28]),
            _ => bytes,
        };
    }

    private static void ChangeOnce(List<string> lines, byte[] other, Dice dice)
    {
        if (lines.Count == 0)
            lines.Add("");

        var at = dice.Below(lines.Count);
        switch (dice.Below(10))
        {
            case 0: lines.RemoveAt(at); break;
            case 1: lines.Insert(at, lines[dice.Below(lines.Count)]); break;
            case 2: lines[at] = dice.Text(); break;
            case 3: lines.Insert(at, dice.Text()); break;
            case 4: (lines[at], lines[0]) = (lines[0], lines[at]); break;
            case 5: lines.RemoveRange(at, lines.Count - at); break;
            case 6: lines[at] = $"{lines[at]} {dice.Text()}"; break;
            case 7: lines.InsertRange(at, Enumerable.Repeat(lines[at], dice.Times(lines[at].Length))); break;
            case 8: lines.InsertRange(at, Encoding.UTF8.GetString(other).Split('\n')); break;
            default:
                var changed = JsonMutations.Change(Encoding.UTF8.GetBytes(lines[at]), other, dice);
                lines[at] = Encoding.UTF8.GetString(changed);
                break;
        }
    }
}
