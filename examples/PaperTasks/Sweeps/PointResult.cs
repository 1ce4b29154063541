using System.Text.Json.Nodes;

namespace PaperTasks.Sweeps;

/// <summary>A line of the results: a point, and what became of it.</summary>
/// <param name="Values">What the run measured, and where it ran; of a failed run, its error.</param>
internal sealed record PointResult(Point Point, JsonObject Values)
{
    private const string Options = "options", ErrorKey = "error";

    /// <summary>Why the run failed; null where it did not.</summary>
    public string? Error => (string?)Values[ErrorKey];

    /// <summary>The name of the first metric.</summary>
    public string? Metric => (string?)Values["metric"];

    public static PointResult Failed(Point point, string error) => new(point, new JsonObject { [ErrorKey] = error });

    /// <exception cref="FormatException">It is no line of results.</exception>
    public static PointResult FromJson(JsonObject line)
    {
        if (line[Options] is not JsonObject options)
            throw new FormatException("expected a result with \"options\".");

        var values = (JsonObject)line.DeepClone();
        values.Remove(Options);
        var result = new PointResult(Point.FromJson(options), values);
        if (result.Error is null && result.Value(null) is null)
            throw new FormatException("expected a result with \"metrics\" or an \"error\".");
        return result;
    }

    public JsonObject ToJson()
    {
        var line = new JsonObject { [Options] = Point.ToJson() };
        foreach ((string name, JsonNode? value) in Values)
            line[name] = value?.DeepClone();
        return line;
    }

    /// <summary>A metric, or another number of the result; null where it has none of that name.</summary>
    /// <param name="name">Null for the first metric.</param>
    public double? Value(string? name)
    {
        name ??= Metric;
        JsonNode? value = name is null ? null : (Values["metrics"] as JsonObject)?[name] ?? Values[name];
        return value is JsonValue number && number.TryGetValue(out double result) ? result : null;
    }
}
