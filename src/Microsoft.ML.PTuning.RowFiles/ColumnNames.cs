namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Names for the columns of a header that leaves some out or has some twice.</summary>
internal static class ColumnNames
{
    /// <param name="note">Is told of each name that was changed.</param>
    public static IReadOnlyList<string> Of(IEnumerable<string> header, string file, Action<string> note)
    {
        var names = new List<string>();
        foreach (var raw in header)
        {
            var name = raw.Trim();
            if (name.Length == 0)
                note($"{file}: column {names.Count + 1} has no name; it is called '{name = Free($"Column{names.Count + 1}")}'.");
            else if (names.Contains(name))
                note($"{file}: there is more than one column '{name}'; the one at place {names.Count + 1} is called '{name = Free(name)}'.");
            names.Add(name);
        }

        return names;

        string Free(string name)
        {
            if (!names.Contains(name))
                return name;
            var number = 2;
            while (names.Contains($"{name}.{number}"))
                number++;
            return $"{name}.{number}";
        }
    }
}
