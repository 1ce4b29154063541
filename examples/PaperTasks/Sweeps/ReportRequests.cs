using System.Text.Json.Nodes;

namespace PaperTasks.Sweeps;

/// <summary>Which runs a table or a figure shows, and what of them.</summary>
/// <param name="Value">A metric, or another number of the result such as <c>trainSeconds</c>; null for each run's first metric.</param>
/// <param name="Where">Only runs whose options have one of these values.</param>
internal sealed record Selection(string? Value, IReadOnlyDictionary<string, IReadOnlyList<string?>> Where)
{
    public static Selection Read(JsonPlace place)
    {
        var where = new Dictionary<string, IReadOnlyList<string?>>();
        if (place["where"].Exists)
        {
            JsonPlace conditions = place["where"].AsObject();
            foreach (string option in conditions.Keys)
            {
                JsonPlace values = conditions[option];
                where[option] = [.. (values.Value is JsonArray ? values.AsList() : [values]).Select(value => Point.Canonical(value.Value))];
            }
        }
        return new Selection(place["value"].AsTextOrNone(), where);
    }

    public bool Has(Point point) => Where.All(condition => condition.Value.Contains(point[condition.Key]));
}

/// <summary>A table of the report: a mean over the seeds per cell.</summary>
/// <param name="Rows">The options whose combinations are the rows.</param>
/// <param name="Columns">Those that are the columns; none for one column.</param>
internal sealed record TableRequest(string Place, string? Title, IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, Selection Selection)
{
    public static TableRequest Read(JsonPlace place)
    {
        place = place.AsObject();
        place.Allow("title", "rows", "columns", "value", "where");
        return new TableRequest(
            place.Path, place["title"].AsTextOrNone(), place["rows"].AsTexts(), place["columns"].Exists ? place["columns"].AsTexts() : [],
            Selection.Read(place));
    }
}

/// <summary>A figure of the report.</summary>
/// <param name="Name">Of its files, behind the sweep's name.</param>
/// <param name="IsLines">A line per series over numbers; else a group of bars per value.</param>
/// <param name="X">The option on the horizontal axis.</param>
/// <param name="Series">The option that the colours stand for; null for one series.</param>
/// <param name="IsLogarithmic">Whether the horizontal axis of lines is logarithmic.</param>
internal sealed record FigureRequest(
    string Place, string Name, string? Title, bool IsLines, string X, string? Series, bool IsLogarithmic, Selection Selection)
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
            place.Path, name, place["title"].AsTextOrNone(), kind == "lines", place["x"].AsText(), place["series"].AsTextOrNone(),
            place["log"].AsTruth(), Selection.Read(place));
    }
}
