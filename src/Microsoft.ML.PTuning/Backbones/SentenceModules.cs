using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Reads the files of sentence-transformers beside an encoder: how the encoder was trained to pool a text into one vector.</summary>
/// <remarks>
/// <c>modules.json</c> lists modules with <c>type</c> and <c>path</c>; that of type <c>...Pooling</c> has a <c>config.json</c> in its folder
/// (<c>1_Pooling</c>), with switches <c>pooling_mode_mean_tokens</c>, <c>pooling_mode_cls_token</c> and others.
/// </remarks>
internal static class SentenceModules
{
    public const string FileName = "modules.json", UsualPoolingFile = "1_Pooling/" + BackboneConfiguration.FileName;

    private const string Advice = "Fetch the file again, or delete it and set the option Pooling.";

    private const string ModePrefix = "pooling_mode_", MeanMode = ModePrefix + "mean_tokens";

    /// <returns>Whether the vector was the mean over the text's tokens alone; null where the folder does not say.</returns>
    /// <exception cref="InvalidDataException">A file is not of the format.</exception>
    public static bool? PoolsMean(string directory) =>
        PoolingFile(directory) is { } file && Path.Combine(directory, file) is var path && File.Exists(path) ? ReadsMean(path) : null;

    /// <returns>The file that says how a vector is pooled, from the folder; null where none is named. It need not be there.</returns>
    /// <exception cref="InvalidDataException"><c>modules.json</c> is not of the format.</exception>
    public static string? PoolingFile(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return null;

        using var modules = Parse(path, JsonValueKind.Array);
        var folders = from module in modules.RootElement.EnumerateArray()
                      where Text(module, "type", path).EndsWith("Pooling", StringComparison.Ordinal)
                      select Text(module, "path", path);
        if (folders.FirstOrDefault() is not { } folder)
            return null;
        return PlainPath.IsBelow(folder)
            ? $"{folder}/{BackboneConfiguration.FileName}"
            : throw new InvalidDataException($"'{path}' names the folder '{folder}' for its pooling, expected one inside '{directory}'. {Advice}");
    }

    private static bool? ReadsMean(string path)
    {
        using var pooling = Parse(path, JsonValueKind.Object);
        string[] modes =
        [
            .. from property in pooling.RootElement.EnumerateObject()
               where property.Name.StartsWith(ModePrefix, StringComparison.Ordinal) && property.Value.ValueKind == JsonValueKind.True
               select property.Name,
        ];
        return modes is [] ? null : modes is [MeanMode];
    }

    private static string Text(JsonElement module, string key, string path) =>
        module.ValueKind == JsonValueKind.Object && module.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new InvalidDataException($"'{path}' has a module without a text '{key}'; expected sentence-transformers' list of modules. {Advice}");

    private static JsonDocument Parse(string path, JsonValueKind expected)
    {
        JsonDocument document;
        try
        {
            document = JsonFile.Parse(path, Encoding.UTF8);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is not JSON: {e.Message} {Advice}", e);
        }

        if (document.RootElement.ValueKind == expected)
            return document;

        using (document)
            throw new InvalidDataException($"'{path}' holds a JSON {document.RootElement.ValueKind}, expected an {expected}. {Advice}");
    }
}
