using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>A JSON file of settings, such as <c>config.json</c>, read with every fault collected, so that one message names them all.</summary>
internal sealed class ConfigurationFile : IDisposable
{
    /// <summary>More than any encoder has: names and shapes of all layers are made before their weights are looked for.</summary>
    private const int MostLayers = 1024;

    /// <summary>The longest value that a message shows.</summary>
    private const int LongestShown = 200;

    private readonly JsonDocument _document;
    private readonly JsonElement _object;
    private readonly string _path;
    private readonly string _verdict;
    private readonly List<string> _faults;

    private ConfigurationFile(JsonDocument document, JsonElement json, string path, string verdict, List<string> faults) =>
        (_document, _object, _path, _verdict, _faults) = (document, json, path, verdict, faults);

    /// <param name="verdict">What a message says of a file with faults.</param>
    /// <param name="advice">What a message says if there is no such file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not a JSON object.</exception>
    public static ConfigurationFile Open(
        string path, string verdict = "does not describe a supported encoder",
        string advice = "A backbone is a Hugging Face directory with config.json and weights.")
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no '{path}'. {advice}", path);

        JsonDocument document;
        try
        {
            document = JsonFile.Parse(path, Encoding.UTF8);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is not JSON: {e.Message}", e);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return new(document, document.RootElement, path, verdict, []);

        using (document)
            throw new InvalidDataException($"'{path}' holds a JSON {document.RootElement.ValueKind}, expected an object.");
    }

    /// <summary>Whether the key is there and not null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>Whether the key is true or false.</summary>
    public bool IsSwitch(string key) => Find(key) is { ValueKind: JsonValueKind.True or JsonValueKind.False };

    /// <summary>The settings under a key, whose faults are collected with the others; null where it is not there, null or no object.</summary>
    public ConfigurationFile? Section(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Object } value ? new(_document, value, _path, _verdict, _faults) : null;

    /// <summary>A text; null where the key is not there or null.</summary>
    public string? Text(string key)
    {
        if (Find(key) is not { } value)
            return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : Fault<string?>(key, value, "a text", null);
    }

    /// <summary>The texts of a list; none where the key is not there or null.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        if (Find(key) is not { } value)
            return [];
        return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
            : Fault<string[]>(key, value, "a list of texts", []);
    }

    /// <summary>The whole numbers of a list; none where the key is not there or null.</summary>
    public IReadOnlyList<int> Integers(string key)
    {
        if (Find(key) is not { } value)
            return [];
        return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _))
            ? [.. value.EnumerateArray().Select(item => item.GetInt32())]
            : Fault<int[]>(key, value, "a list of whole numbers", []);
    }

    /// <summary>The texts under a key by number: <c>{"0": "negative", "1": "positive"}</c>. Null where they are not there, or not numbered from 0.</summary>
    public IReadOnlyList<string>? Numbered(string key) => InOrder(
        Pairs(key).Select(pair => (Number: int.TryParse(pair.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1,
            Text: pair.Value.ValueKind == JsonValueKind.String ? pair.Value.GetString() : null)));

    /// <summary>The keys under a key by their number: <c>{"negative": 0, "positive": 1}</c>.</summary>
    /// <inheritdoc cref="Numbered"/>
    public IReadOnlyList<string>? Numbering(string key) => InOrder(
        Pairs(key).Select(pair => (Number: pair.Value.ValueKind == JsonValueKind.Number && pair.Value.TryGetInt32(out var number) ? number : -1,
            Text: (string?)pair.Name)));

    /// <summary>A whole number.</summary>
    /// <param name="fallback">Where the key is not there or null; null if it must be there.</param>
    public int Integer(string key, int minimum, int? fallback = null, int maximum = int.MaxValue)
    {
        if (Find(key) is not { } value)
            return fallback ?? Missing(key, 0);
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= minimum && number <= maximum)
            return number;
        return Fault(key, value, $"a whole number from {minimum}{(maximum < int.MaxValue ? $" to {maximum}" : "")}", 0);
    }

    /// <summary>The number of layers.</summary>
    public int Layers(string key) => Integer(key, minimum: 1, maximum: MostLayers);

    /// <summary>A number above 0.</summary>
    /// <param name="fallback">Where the key is not there or null.</param>
    public double Positive(string key, double fallback)
    {
        if (Find(key) is not { } value)
            return fallback;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number))
            return number;
        return Fault(key, value, "a number above 0", 0d);
    }

    /// <summary>One of the words that are supported.</summary>
    /// <param name="fallback">Where the key is not there or null; null if it must be there.</param>
    public string Word(string key, IEnumerable<string> supported, string? fallback = null)
    {
        if (Find(key) is not { } value)
            return fallback ?? Missing(key, "", supported);
        if (value.ValueKind == JsonValueKind.String && supported.FirstOrDefault(word => value.ValueEquals(word)) is { } found)
            return found;
        return Fault(key, value, OneOf(supported), "");
    }

    /// <summary>Some of the words that are supported, at least one: a list, or one text with bars between them.</summary>
    public IReadOnlyList<string> Words(string key, IReadOnlyCollection<string> supported)
    {
        if (Find(key) is not { } value)
            return Missing<string[]>(key, [], supported);

        string[] words = value.ValueKind switch
        {
            JsonValueKind.String => Unquoted(value).Split('|', StringSplitOptions.TrimEntries),
            JsonValueKind.Array => [.. value.EnumerateArray().Select(Unquoted)],
            _ => [],
        };
        return words is not [] && words.All(supported.Contains) ? words : Fault<string[]>(key, value, $"some of {string.Join(", ", supported)}", []);
    }

    /// <summary>True or false.</summary>
    /// <param name="fallback">Where the key is not there or null.</param>
    public bool Switch(string key, bool fallback)
    {
        if (Find(key) is not { } value)
            return fallback;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : Fault(key, value, "true or false", fallback);
    }

    /// <summary>Faults a switch that is on.</summary>
    public void RequireOff(string key)
    {
        if (Find(key) is { ValueKind: not JsonValueKind.False } value)
            Fault(key, value, "false", 0);
    }

    /// <summary>Faults a setting that says something: no null, <c>false</c>, <c>[]</c> or <c>{}</c>.</summary>
    /// <param name="why">What it would change.</param>
    public void RequireEmpty(string key, string why)
    {
        if (Find(key) is { ValueKind: not JsonValueKind.False } value
            && value.GetRawText().Any(letter => !char.IsWhiteSpace(letter) && !"[]{}".Contains(letter)))
            Fault(key, value, $"nothing: {why}", 0);
    }

    /// <summary>Adds a fault that concerns several keys or needs its own words.</summary>
    public void Fault(string fault) => _faults.Add(fault);

    /// <exception cref="InvalidDataException">There were faults; the message names each of them.</exception>
    public void ThrowIfFaulty()
    {
        if (_faults.Count > 0)
            throw new InvalidDataException($"'{_path}' {_verdict}:\n  {string.Join("\n  ", _faults)}");
    }

    public void Dispose() => _document.Dispose();

    // GetString would throw for half of a surrogate pair. No supported word has escapes, so the raw text will do.
    private static string Unquoted(JsonElement value) => value.GetRawText().Trim('"');

    private static string OneOf(IEnumerable<string> supported) => $"one of {string.Join(", ", supported)}";

    private JsonElement? Find(string key) =>
        _object.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private IEnumerable<JsonProperty> Pairs(string key) => Find(key) is { ValueKind: JsonValueKind.Object } value ? value.EnumerateObject() : [];

    private static string[]? InOrder(IEnumerable<(int Number, string? Text)> pairs)
    {
        (int Number, string? Text)[] ordered = [.. pairs.OrderBy(pair => pair.Number)];
        return ordered.Length > 0 && ordered.Select((pair, i) => pair.Number == i && pair.Text is not null).All(fits => fits)
            ? [.. ordered.Select(pair => pair.Text!)]
            : null;
    }

    private T Missing<T>(string key, T standIn, IEnumerable<string>? supported = null)
    {
        _faults.Add($"{key} is missing{(supported is null ? "" : $", expected {OneOf(supported)}")}");
        return standIn;
    }

    private T Fault<T>(string key, JsonElement value, string expected, T standIn)
    {
        var found = value.GetRawText();
        _faults.Add($"{key} is {(found.Length > LongestShown ? found[..LongestShown] + "..." : found)}, expected {expected}");
        return standIn;
    }
}
