using System.Text.Json;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>The texts of <c>tokenizers/cases.json</c>, and what an independent program made of some (<c>golden/tokenizers/decode.mjs</c>).</summary>
internal static class GoldenTexts
{
    /// <summary>Texts and their ids.</summary>
    public static IEnumerable<(string Text, int[] Ids)> Decoded(string list)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "tokenizers", "decoded.json")));
        foreach (var one in document.RootElement.GetProperty(list).EnumerateArray())
            yield return (one.GetProperty("text").GetString()!, [.. one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())]);
    }

    /// <summary>All texts of a tokenizer's cases, alone and in pairs.</summary>
    public static IReadOnlyList<string> Of(string tokenizer)
    {
        var path = Path.Combine(GoldenFiles.Root, "tokenizers", "cases.json");
        if (!File.Exists(path))
            throw new AssertInconclusiveException($"No golden vectors at {path}: set PTUNING_GOLDEN to their folder.");

        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var cases = document.RootElement.GetProperty(tokenizer);
        return
        [
            .. cases.GetProperty("single").EnumerateArray().Select(one => one.GetProperty("text").GetString()!),
            .. cases.GetProperty("pairs").EnumerateArray()
                .SelectMany(pair => new[] { pair.GetProperty("first").GetString()!, pair.GetProperty("second").GetString()! }),
        ];
    }
}
