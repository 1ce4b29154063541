namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Finds all pieces that begin at a place of a text, character by character.</summary>
/// <remarks>Nodes stand in breadth-first order, so that the children of each are neighbours, sorted by their characters.</remarks>
internal sealed class PieceTrie
{
    public const int Root = 0;
    public const int None = -1;

    private readonly char[] _characters;
    private readonly int[] _firstChild;
    private readonly int[] _ids;

    /// <param name="pieces">Texts, none empty and none twice, and their ids.</param>
    public PieceTrie(IEnumerable<(string Text, int Id)> pieces)
    {
        var sorted = pieces.OrderBy(piece => piece.Text, StringComparer.Ordinal).ToArray();
        var nodes = new List<(int First, int End, int Depth)> { (0, sorted.Length, 0) };
        List<char> characters = ['\0'];
        List<int> firstChild = [];
        List<int> ids = [];

        for (var node = 0; node < nodes.Count; node++)
        {
            var (first, end, depth) = nodes[node];
            var ends = first < end && sorted[first].Text.Length == depth;
            ids.Add(ends ? sorted[first].Id : None);
            firstChild.Add(nodes.Count);
            for (var (from, to) = (ends ? first + 1 : first, 0); from < end; from = to)
            {
                var character = sorted[from].Text[depth];
                for (to = from + 1; to < end && sorted[to].Text[depth] == character;)
                    to++;
                nodes.Add((from, to, depth + 1));
                characters.Add(character);
            }
        }

        firstChild.Add(nodes.Count);
        (_characters, _firstChild, _ids) = ([.. characters], [.. firstChild], [.. ids]);
    }

    /// <returns>The node that <paramref name="character"/> leads to, or <see cref="None"/>.</returns>
    public int Next(int node, char character)
    {
        var first = _firstChild[node];
        var found = _characters.AsSpan(first.._firstChild[node + 1]).BinarySearch(character);
        return found < 0 ? None : first + found;
    }

    /// <returns>Id of the piece that ends at a node, or <see cref="None"/>.</returns>
    public int IdAt(int node) => _ids[node];

    /// <returns>Length of the longest piece that begins the text, or 0.</returns>
    public int LongestAt(ReadOnlySpan<char> text)
    {
        var longest = 0;
        for (var (i, node) = (0, Root); i < text.Length && (node = Next(node, text[i])) != None;)
        {
            i++;
            if (IdAt(node) != None)
                longest = i;
        }

        return longest;
    }
}
