using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes of JSON as JSON: other types, missing, renamed and doubled keys, numbers of any size, odd texts, deep nesting.</summary>
internal static class JsonMutations
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "0.5", "-0", "1.0", "1e2", "1e308", "-1e308", "1e999", "1e-400", "2147483647", "2147483648", "-2147483649",
        "9223372036854775807", "9223372036854775808", "18446744073709551616", "NaN", "Infinity", "\"NaN\"", "\"Infinity\"", "\"\"", "\"1\"", "\"true\"",
        "\"\\ud800\"", "\"a\\udc00b\"", "\"\\u0000\"", "[]", "{}", "[[]]", "[null]", "[{}]", "[1]", "[\"\"]", "{\"\":null}", "{\"\\ud800\":1}",
        "{\"content\":1}", "{\"content\":\"\\ud800\"}", "{\"type\":null}", "{\"kind\":\"\"}", "01", "'a'", "", "/**/1", "\"\u0001\"",
    ];

    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        if (JsonText.TryParse(file) is not { } json)
            return ByteMutations.Change(file, other, dice);

        var spliced = JsonText.TryParse(other) ?? json;
        for (var changes = 1 + dice.Below(3); changes > 0; changes--)
            ChangeOnce(json, spliced, dice);
        return json.ToBytes();
    }

    private static void ChangeOnce(JsonText json, JsonText other, Dice dice)
    {
        JsonText[] all = [.. json.All()];
        JsonText[] parents = [.. all.Where(value => value.Parts.Count > 0)];
        if (parents.Length == 0 || dice.Below(10) < 4)
        {
            Replace(dice.Pick(all), all, other, dice);
            return;
        }

        var parts = dice.Pick(parents).Parts;
        var at = dice.Below(parts.Count);
        var (name, value) = parts[at];
        switch (dice.Below(6))
        {
            case 0: parts.RemoveAt(at); break;
            case 1: parts.Insert(dice.Below(parts.Count), (name, value.Copy())); break;
            case 2: parts[at] = (Key(name, parents, dice), value); break;
            case 3: parts.Insert(at, (Key(name, parents, dice), JsonText.Of(dice.Pick(Values)))); break;
            case 4: (parts[at], parts[^1]) = (parts[^1], parts[at]); break;
            default: Replace(value, all, other, dice); break;
        }
    }

    private static void Replace(JsonText value, JsonText[] all, JsonText other, Dice dice)
    {
        switch (dice.Below(12))
        {
            case 0: value.Become(dice.Pick(all)); break;
            case 1: value.Become(dice.Pick([.. other.All()])); break;
            case 2 or 3: value.Become(JsonText.Of(Quoted(dice.Text()))); break;
            case 4 or 5: value.Become(Near(value.Raw, dice)); break;
            case 6: value.Become(JsonText.Of(Nested(dice))); break;
            case 7: value.Become(JsonText.Of(new string('9', 1 + dice.Below(400)))); break;
            case 8: value.Become(JsonText.Of($"[{string.Join(',', Enumerable.Repeat(value.Raw ?? "1", dice.Times(value.Raw?.Length ?? 1)))}]")); break;
            default: value.Become(JsonText.Of(dice.Pick(Values))); break;
        }
    }

    /// <summary>A number near a number, a text near a text.</summary>
    private static JsonText Near(string? raw, Dice dice)
    {
        if (raw is null || raw.Length == 0)
            return JsonText.Of(dice.Pick(Values));
        if (long.TryParse(raw, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number))
        {
            var near = dice.OnceIn(2) ? unchecked(number + dice.Pick((long[])[1, -1, 2, 10, number])) : dice.Number();
            return JsonText.Of(near.ToString(CultureInfo.InvariantCulture));
        }
        var at = dice.Below(raw.Length);
        return JsonText.Of(raw[..at] + (char)(raw[at] ^ 1 << dice.Below(7)) + raw[(at + 1)..]);
    }

    private static string Nested(Dice dice)
    {
        var depth = dice.Pick((int[])[5, 63, 64, 65, 1000, 100_000]);
        return dice.OnceIn(2)
            ? new string('[', depth) + new string(']', depth)
            : new StringBuilder().Insert(0, "{\"a\":", depth).Append('1').Append('}', depth).ToString();
    }

    private static string? Key(string? name, JsonText[] parents, Dice dice) => dice.Below(4) switch
    {
        _ when name is null => null,
        0 => dice.Pick(dice.Pick(parents).Parts).Name,
        1 => "\"\\ud800\"",
        2 => Quoted(dice.Text()),
        _ => $"\"{name.Trim('"').ToUpperInvariant()}\"",
    };

    private static string Quoted(string text) => JsonSerializer.Serialize(text);
}
