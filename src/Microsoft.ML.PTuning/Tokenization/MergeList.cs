using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The merges of byte-level BPE in the order of their rank, checked against the vocabulary.</summary>
internal static class MergeList
{
    /// <summary><c>merges.txt</c>: a line with its version, then one merge per line.</summary>
    public static List<(string Left, string Right)> ReadLines(string path, Vocabulary vocabulary) =>
        Read(File.ReadLines(path, Encoding.UTF8).Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)), path, vocabulary);

    /// <param name="lines">Merges, their parts separated by a space.</param>
    /// <param name="source">The file they come from, for messages.</param>
    /// <param name="vocabulary">Must hold every byte, and the parts and the result of every merge.</param>
    public static List<(string Left, string Right)> Read(IEnumerable<string> lines, string source, Vocabulary vocabulary)
    {
        foreach (var symbol in ByteSymbols.Of)
            Require(symbol.ToString(), "a byte", vocabulary, vocabulary.Source);

        var merges = new List<(string Left, string Right)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var merge = $"merge {merges.Count + 1}, '{line}'";
            if (line.Split(' ') is not [{ Length: > 0 } left, { Length: > 0 } right])
                throw new InvalidDataException($"{source}: expected two tokens and a space, but found {merge}. Fetch the file again.");
            if (!seen.Add(line))
                throw new InvalidDataException($"{source}: {merge}, stands there twice. Fetch the file again.");

            Require(left, merge, vocabulary, source);
            Require(right, merge, vocabulary, source);
            Require(left + right, merge, vocabulary, source);
            merges.Add((left, right));
        }

        return merges;
    }

    private static void Require(string token, string purpose, Vocabulary vocabulary, string source)
    {
        if (!vocabulary.Ids.ContainsKey(token))
        {
            throw new InvalidDataException(
                $"{source}: expected token '{token}' in the vocabulary ({vocabulary.Source}) for {purpose}, " +
                $"but it is not among its {vocabulary.Ids.Count} tokens. Fetch both files again, from the same model.");
        }
    }
}
