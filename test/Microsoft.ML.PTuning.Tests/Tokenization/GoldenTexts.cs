using System.Text.Json;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>The texts of <c>tokenizers/cases.json</c>.</summary>
internal static class GoldenTexts
{
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
