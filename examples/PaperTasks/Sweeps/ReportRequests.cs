namespace PaperTasks.Sweeps;

/// <summary>A table of the report: a mean over the seeds per cell.</summary>
/// <param name="Rows">The options whose combinations are the rows.</param>
/// <param name="Columns">Those that are the columns; none for one column.</param>
/// <param name="Value">A metric, or another number of the result such as <c>trainSeconds</c>; null for each run's first metric.</param>
/// <param name="Where">Only runs whose options have one of these values.</param>
internal sealed record TableRequest(
    string? Title, IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, string? Value, IReadOnlyDictionary<string, IReadOnlyList<string?>> Where)
{
    public static TableRequest Read(JsonPlace place)
    {
        place = place.AsObject();
        place.Allow("title", "rows", "columns", "value", "where");
        return new TableRequest(
            place["title"].AsTextOrNone(), place["rows"].AsTexts(), place["columns"].Exists ? place["columns"].AsTexts() : [],
            place["value"].AsTextOrNone(), ReadWhere(place["where"]));
    }

    public static IReadOnlyDictionary<string, IReadOnlyList<string?>> ReadWhere(JsonPlace place)
    {
        if (!place.Exists)
            return new Dictionary<string, IReadOnlyList<string?>>();

        JsonPlace conditions = place.AsObject();
        return conditions.Keys.ToDictionary(
            key => key, key => (IReadOnlyList<string?>)(conditions[key].Value is System.Text.Json.Nodes.JsonArray
                ? [.. conditions[key].AsList().Select(value => Point.Canonical(value.Value))]
                : [Point.Canonical(conditions[key].Value)]));
    }
}

/// <summary>A figure of the report.</summary>
/// <param name="Name">Of its files, behind the sweep's name.</param>
/// <param name="IsLines">A line per series over numbers; else a group of bars per value.</param>
/// <param name="X">The option on the horizontal axis.</param>
/// <param name="Series">The option that the colours stand for; null for one series.</param>
/// <param name="IsLogarithmic">Whether the horizontal axis of lines is logarithmic.</param>
/// <param name="Value">As in <see cref="TableRequest"/>.</param>
/// <param name="Where">As in <see cref="TableRequest"/>.</param>
internal sealed record FigureRequest(
    string Name, string? Title, bool IsLines, string X, string? Series, bool IsLogarithmic, string? Value,
    IReadOnlyDictionary<string, IReadOnlyList<string?>> Where)
{
    public static FigureRequest Read(JsonPlace place)
    {
        place = place.AsObject();
        place.Allow("name", "title", "kind", "x", "series", "log", "value", "where");
        string name = place["name"].AsText(), kind = place["kind"].AsTextOr("bars");
        if (name.Length == 0 || name.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0)
            throw new FormatException($"{place["name"].Path}: expected a part of a file name, found '{name}'.");
        if (kind is not ("bars" or "lines"))
            throw new FormatException($"{place["kind"].Path}: expected bars or lines, found '{kind}'.");
        return new FigureRequest(
            name, place["title"].AsTextOrNone(), kind == "lines", place["x"].AsText(), place["series"].AsTextOrNone(), place["log"].AsTruth(),
            place["value"].AsTextOrNone(), TableRequest.ReadWhere(place["where"]));
    }
}
