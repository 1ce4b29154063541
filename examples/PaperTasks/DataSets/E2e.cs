namespace PaperTasks.DataSets;

/// <summary>The files of the E2E challenge (Novikova et al. 2017): the columns <c>mr</c>, such as <c>name[Aromi], food[Thai]</c>, and <c>ref</c>.</summary>
internal static class E2e
{
    /// <returns>A row per set of facts, with all of its texts.</returns>
    public static IEnumerable<DescribedFacts> Read(string file)
    {
        var rows = new Dictionary<string, (TextLine Line, List<string> Texts)>(StringComparer.Ordinal);
        bool isFirst = true;
        foreach (TextLine line in TextLine.Read(file))
        {
            List<string> fields = CommaSeparated.Split(line);
            if (isFirst && fields is not ["mr", "ref", ..])
                throw line.Refuse($"expected the columns mr and ref, found {string.Join(" and ", fields)}.");
            if (fields.Count < 2)
                throw line.Refuse("expected facts and a text, found one column.");

            if (!isFirst)
            {
                if (!rows.TryGetValue(fields[0], out var row))
                    rows[fields[0]] = row = (line, []);
                row.Texts.Add(fields[1].Trim());
            }
            isFirst = false;
        }

        return rows.Select(row => new DescribedFacts(Split(row.Key, row.Value.Line), row.Value.Texts, row.Value.Line.Number));
    }

    private static KeyValuePair<string, string>[] Split(string facts, TextLine line)
    {
        var split = new List<KeyValuePair<string, string>>();
        foreach (string fact in facts.Split(']', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (fact.TrimStart(',', ' ').Split('[') is not [var name, var value])
                throw line.Refuse($"expected facts such as name[Aromi], food[Thai], found '{facts}'.");
            split.Add(KeyValuePair.Create(name, value));
        }
        return split.Count > 0 ? [.. split] : throw line.Refuse("expected facts such as name[Aromi], food[Thai], found none.");
    }
}
