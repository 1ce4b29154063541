using System.Text;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>Writes SentencePiece's <c>precompiled_charsmap</c>: a double array in the layout of darts-clone, then the replacements.</summary>
internal static class CharacterMapFile
{
    private const uint Leaf = 0x8000_0000;
    private const uint HasLeaf = 1 << 8;
    private const int OffsetShift = 10;

    public static byte[] Write(params (string From, string To)[] replacements)
    {
        var pool = new MemoryStream();
        var keys = new List<(byte[] Key, uint Value)>();
        foreach (var (from, to) in replacements)
        {
            keys.Add((Encoding.UTF8.GetBytes(from), (uint)pool.Length));
            pool.Write(Encoding.UTF8.GetBytes(to + "\0"));
        }

        var units = new uint?[1 << 14];
        units[0] = 0;
        Place(units, 0, keys, 0);

        using var map = new MemoryStream();
        map.Write(BitConverter.GetBytes(units.Length * sizeof(uint)));
        foreach (var unit in units)
            map.Write(BitConverter.GetBytes(unit ?? 0));
        map.Write(pool.ToArray());
        return map.ToArray();
    }

    /// <summary>Finds an offset at which all children of a unit have room, then places theirs.</summary>
    private static void Place(uint?[] units, uint at, List<(byte[] Key, uint Value)> keys, int depth)
    {
        var children = keys.GroupBy(key => key.Key.Length == depth ? (byte)0 : key.Key[depth]).ToList();
        var offset = Enumerable.Range(1, units.Length / 256 - 1).Select(block => (uint)block * 256)
            .First(candidate => children.All(child => units[at ^ candidate ^ child.Key] is null));

        units[at] |= offset << OffsetShift | (keys.Any(key => key.Key.Length == depth) ? HasLeaf : 0);
        foreach (var child in children)
            units[at ^ offset ^ child.Key] = child.Key == 0 ? Leaf | child.Single().Value : child.Key;
        foreach (var child in children.Where(child => child.Key != 0))
            Place(units, at ^ offset ^ child.Key, [.. child], depth + 1);
    }
}
