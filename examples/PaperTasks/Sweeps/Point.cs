using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PaperTasks.Sweeps;

/// <summary>One run of the program: its options by their names without the dashes, in ordinal order, as the command line takes them.</summary>
/// <remarks>Labels, whose names begin with @, are for tables and figures. The program does not get them, and they do not tell points apart.</remarks>
internal sealed class Point
{
    private const char LabelSign = '@';

    private readonly SortedDictionary<string, string> _options;
    private readonly Dictionary<string, string> _labels = new(StringComparer.Ordinal);

    public Point(IEnumerable<KeyValuePair<string, string>> options)
    {
        _options = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in options)
        {
            if (name.StartsWith(LabelSign))
                _labels[name] = value;
            else
                _options[name] = value;
        }
        Key = string.Join('\n', Arguments);
    }

    /// <summary>Equal for equal options.</summary>
    public string Key { get; }

    public IReadOnlyDictionary<string, string> Options => _options;

    /// <summary>The options of a command line.</summary>
    public IEnumerable<string> Arguments => _options.Select(option => $"--{option.Key}={option.Value}");

    /// <summary>The value of an option or a label; null where the point leaves it open.</summary>
    public string? this[string option] => _options.GetValueOrDefault(option) ?? _labels.GetValueOrDefault(option);

    /// <summary>The name of an option, or of a label without its sign.</summary>
    public static string Title(string name) => name.TrimStart(LabelSign);

    /// <summary>How the command line takes a value: 1e-2 as 0.01.</summary>
    /// <returns>Null for what is no text, number or truth value.</returns>
    public static string? Canonical(JsonNode? value) => value?.GetValueKind() switch
    {
        JsonValueKind.String => value.GetValue<string>(),
        JsonValueKind.Number => Number(value),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };

    /// <summary>The value of an option as a number; null where it is none.</summary>
    public static double? AsNumber(string? value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number : null;

    public static Point FromJson(JsonObject options) =>
        new(options.Select(option => KeyValuePair.Create(option.Key, Canonical(option.Value) ?? throw new FormatException(
            $"{option.Key}: expected a text, a number, true or false, found {option.Value?.ToJsonString() ?? "null"}."))));

    /// <summary>What <see cref="FromJson"/> reads as the same point.</summary>
    public JsonObject ToJson() => new(_options.Select(option => KeyValuePair.Create(option.Key, Plain(option.Value))));

    /// <summary>The values of some options, for people.</summary>
    public string Describe(IEnumerable<string> options) =>
        string.Join(", ", from name in options where this[name] is not null select AsNumber(this[name]) is not null ? $"{name} {this[name]}" : this[name]);

    // Whole numbers of any size as they stand, since a double would round them.
    private static string Number(JsonNode value)
    {
        string text = value.ToJsonString();
        return text.All(char.IsAsciiDigit) ? text : double.Parse(text, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture);
    }

    private static JsonNode? Plain(string value) =>
        value is "true" or "false" ? JsonValue.Create(value == "true")
        : AsNumber(value) is { } number && number.ToString("R", CultureInfo.InvariantCulture) == value ? JsonNode.Parse(JsonSerializer.Serialize(number))
        : JsonValue.Create(value);
}
