using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>The content of <c>Prompt.json</c>: everything about a model except its tensors and the encoder.</summary>
internal sealed record PromptDocument
{
    /// <summary>Raised when a released reader of the version before could no longer read the file.</summary>
    public const int CurrentVersion = 1;

    private const string Kind = "kind";

    private static readonly string[] Keys = ["formatVersion", "task", "method", "backbone", "tensorsHash", "training", DocumentDigest.Key];

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

    public byte[] ToBytes()
    {
        var document = JsonSerializer.SerializeToNode(this, Json)!.AsObject();
        document[DocumentDigest.Key] = DocumentDigest.Of(document);
        return JsonSerializer.SerializeToUtf8Bytes(document, Json);
    }

    /// <param name="source">The file's name in messages.</param>
    /// <exception cref="FormatException">The bytes are no such document, or one of a later version.</exception>
    public static PromptDocument Read(ReadOnlySpan<byte> bytes, string source)
    {
        try
        {
            var document = JsonNode.Parse(bytes) as JsonObject ?? throw new JsonException("It is no JSON object.");
            RefuseLaterVersion(document, source);
            NameKind(document);
            var read = new PromptDocument
            {
                Method = ReadKind<TuningMethod>(document, "method", TuningMethod.Kinds, kind => $"'{source}' was trained by the method '{kind}'"),
                Task = ReadKind<PromptTask>(document, "task", PromptTask.Kinds, kind => $"'{source}' has learned the task '{kind}'"),
                Backbone = document["backbone"].Deserialize<BackboneReference>(Json) ?? throw new JsonException("It has no backbone."),
                TensorsHash = document["tensorsHash"].Deserialize<string>(Json),
                Training = document["training"].Deserialize<TrainingSummary>(Json),
            };
            RefuseDamage(document);
            return read;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"'{source}' does not describe a prompt model: {e.Message} The file is damaged, or was not written by this library.", e);
        }
    }

    private static void RefuseLaterVersion(JsonObject document, string source)
    {
        if (document["formatVersion"] is not JsonValue value || !value.TryGetValue(out int version) || version < 1)
            throw new JsonException("It has no formatVersion, a number from 1.");
        if (version > CurrentVersion)
            throw new FormatException($"'{source}' has format version {version}; this version of the library reads up to {CurrentVersion}. Use a later one.");
    }

    /// <summary>A file may have been changed in ways that leave it readable: another number, a letter of a label, a key that nobody knows.</summary>
    private static void RefuseDamage(JsonObject document)
    {
        if (document.FirstOrDefault(pair => !Keys.Contains(pair.Key)) is { Key: { } unknown })
            throw new JsonException($"It has a key '{unknown}', which is none of {string.Join(", ", Keys)}.");
        if (document[DocumentDigest.Key].Deserialize<string>(Json) is { } digest && DocumentDigest.Of(document) is var found && found != digest)
            throw new JsonException(
                $"Its content has the digest {found}, expected {digest}: it was changed after it was saved. "
                + $"Who changes it on purpose leaves out '{DocumentDigest.Key}'.");
    }

    /// <summary>Files made before the first release give the method's kind as its name.</summary>
    private static void NameKind(JsonObject document)
    {
        if (document["method"] is JsonObject method && !method.ContainsKey(Kind) && method["name"] is { } name)
            method[Kind] = name.DeepClone();
    }

    // By the kind's own type: the metadata of all kinds would take a tenth of a second in a new process.
    /// <param name="found">What a message about an unknown kind begins with.</param>
    private static T ReadKind<T>(JsonObject document, string name, IReadOnlyDictionary<string, Type> kinds, Func<string, string> found)
    {
        if (document[name] is not JsonObject json || json[Kind] is not { } kind)
            throw new JsonException($"It has no {name} with a {Kind}.");

        var text = kind is JsonValue value && value.TryGetValue(out string? word) ? word : kind.ToJsonString();
        if (!kinds.TryGetValue(text, out var type))
            throw new FormatException(
                $"{found(text)}, expected one of {string.Join(", ", kinds.Keys)}, which this version of the library knows. Use a later version.");

        return (T)KindsFirst(json).Deserialize(type, Json)!;
    }

    /// <summary>System.Text.Json reads a type's kind only as the first key; other programs may write keys in any order.</summary>
    private static JsonNode KindsFirst(JsonNode node) => node switch
    {
        JsonObject json => new JsonObject(json.OrderBy(pair => pair.Key != Kind).Select(pair => KeyValuePair.Create(pair.Key, Copy(pair.Value)))),
        JsonArray array => new JsonArray([.. array.Select(Copy)]),
        _ => node.DeepClone(),
    };

    private static JsonNode? Copy(JsonNode? node) => node is null ? null : KindsFirst(node);
}
