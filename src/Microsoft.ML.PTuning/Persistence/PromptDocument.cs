using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>The content of <c>Prompt.json</c>: everything about a model except its tensors and the encoder.</summary>
internal sealed record PromptDocument : IJsonOnDeserialized
{
    /// <summary>Raised when a released reader of the version before could no longer read the file.</summary>
    public const int CurrentVersion = 1;

    private const string Kind = "kind";

    private static readonly JsonSerializerOptions Json = StateJson.Options(new EpochsConverter(), new TrainingWarningConverter());

    public int FormatVersion { get; init; } = CurrentVersion;

    public required PromptTask Task { get; init; }

    public required TuningMethod Method { get; init; }

    public required BackboneReference Backbone { get; init; }

    /// <summary>SHA-256 of the tensors' entry, in lower-case hexadecimal digits; null if the writer gave none.</summary>
    public string? TensorsHash { get; init; }

    public TrainingSummary? Training { get; init; }

    /// <param name="tensors">The tensors' entry.</param>
    public static PromptDocument Of(PromptModel model, byte[] tensors) =>
        new() { Task = model.Task, Method = model.Method, Backbone = model.Reference, TensorsHash = HashOf(tensors), Training = model.Summary };

    public static string HashOf(ReadOnlySpan<byte> tensors) => Convert.ToHexString(SHA256.HashData(tensors)).ToLowerInvariant();

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <param name="source">The file's name in messages.</param>
    /// <exception cref="FormatException">The bytes are no such document, or one of a later version.</exception>
    public static PromptDocument Read(ReadOnlySpan<byte> bytes, string source)
    {
        try
        {
            var document = JsonNode.Parse(bytes) ?? throw new JsonException("The document is null.");
            RefuseLaterVersion(document, source);
            NameKind(document);
            RefuseUnknownKind(document["method"], TuningMethod.Kinds, kind => $"'{source}' was trained by the method '{kind}'");
            RefuseUnknownKind(document["task"], PromptTask.Kinds, kind => $"'{source}' has learned the task '{kind}'");
            return KindsFirst(document).Deserialize<PromptDocument>(Json)!;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"'{source}' does not describe a prompt model: {e.Message} The file is damaged, or was not written by this library.", e);
        }
    }

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (Task is null || Method is null || Backbone is null)
            throw new JsonException("A prompt model needs task, method and backbone; one of them is null.");
    }

    private static void RefuseLaterVersion(JsonNode document, string source)
    {
        var version = document.Deserialize<VersionOnly>(Json)?.FormatVersion;
        if (version is null or < 1)
            throw new JsonException("It has no formatVersion.");
        if (version > CurrentVersion)
            throw new FormatException($"'{source}' has format version {version}; this version of the library reads up to {CurrentVersion}. Use a later one.");
    }

    /// <summary>Files made before the first release give the method's kind as its name.</summary>
    private static void NameKind(JsonNode document)
    {
        if (document["method"] is JsonObject method && !method.ContainsKey(Kind) && method["name"] is { } name)
            method[Kind] = name.DeepClone();
    }

    /// <param name="found">What a message begins with.</param>
    private static void RefuseUnknownKind(JsonNode? node, IReadOnlyList<string> kinds, Func<string, string> found)
    {
        if (node is not JsonObject json)
            return; // Reported by the deserialiser.

        var kind = json[Kind] is JsonValue value && value.TryGetValue(out string? text) ? text : json[Kind]?.ToJsonString();
        if (kind is not null && !kinds.Contains(kind))
            throw new FormatException(
                $"{found(kind)}, expected one of {string.Join(", ", kinds)}, which this version of the library knows. Use a later version.");
    }

    /// <summary>System.Text.Json reads a type's kind only as the first key; other programs may write keys in any order.</summary>
    private static JsonNode KindsFirst(JsonNode node) => node switch
    {
        JsonObject json => new JsonObject(json.OrderBy(pair => pair.Key != Kind).Select(pair => KeyValuePair.Create(pair.Key, Copy(pair.Value)))),
        JsonArray array => new JsonArray([.. array.Select(Copy)]),
        _ => node.DeepClone(),
    };

    private static JsonNode? Copy(JsonNode? node) => node is null ? null : KindsFirst(node);

    private sealed record VersionOnly(int? FormatVersion);
}
