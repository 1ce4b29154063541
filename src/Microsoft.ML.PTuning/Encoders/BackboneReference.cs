using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>Where an encoder comes from.</summary>
[JsonConverter(typeof(BackboneKindConverter))]
internal enum BackboneKind
{
    /// <summary>A bundled encoder, from its package.</summary>
    Embedded,

    /// <summary>A folder that the user named.</summary>
    Directory,

    /// <summary>A model of the Hugging Face hub.</summary>
    Hub,
}

/// <summary>A saved model's reference to its encoder: enough to find it again and to check that it is the same. Part of <c>Prompt.json</c>.</summary>
internal sealed record BackboneReference : IJsonOnDeserialized
{
    public required BackboneKind Kind { get; init; }

    /// <summary>A bundled encoder's name, the folder's name, or the hub id (<c>name</c> or <c>organisation/name</c>).</summary>
    public required string Name { get; init; }

    /// <summary>Its folder at training; null for a bundled encoder.</summary>
    public string? Directory { get; init; }

    /// <summary>The hub's commit; null if unknown.</summary>
    public string? Revision { get; init; }

    /// <summary>The family, as <c>model_type</c> names it.</summary>
    public required string ModelType { get; init; }

    /// <summary>H.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>L.</summary>
    public required int Layers { get; init; }

    /// <summary>h.</summary>
    public required int Heads { get; init; }

    public required int VocabularySize { get; init; }

    public required int FeedForwardSize { get; init; }

    /// <summary>The feed-forward's activation, as <c>hidden_act</c> names it.</summary>
    public required string Activation { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    public required double LayerNormEpsilon { get; init; }

    public required int PadTokenId { get; init; }

    /// <summary>Further settings of its family, by the keys of <c>config.json</c>; null if there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SortedDictionary<string, string>? Traits { get; init; }

    /// <summary>SHA-256 of the weight files: file name (<c>onnx/model.onnx</c> where it is in a folder) to lower-case hexadecimal digits.</summary>
    public required SortedDictionary<string, string> Weights { get; init; }

    /// <summary>SHA-256 of the tokenizer's files: file name to lower-case hexadecimal digits.</summary>
    public required SortedDictionary<string, string> Tokenizer { get; init; }

    /// <summary>The reference to an encoder that has been found.</summary>
    /// <param name="weights">Names of its weight files, from its folder.</param>
    /// <param name="tokenizer">Names or full paths of its tokenizer's files.</param>
    public static BackboneReference Of(
        BackboneLocation location, BackboneConfiguration configuration, IEnumerable<string> weights, IEnumerable<string> tokenizer, Fingerprint fingerprint)
    {
        return new()
        {
            Kind = location.Kind,
            Name = location.Name,
            Directory = location.Kind == BackboneKind.Embedded ? null : location.Directory, // Its package finds it.
            Revision = location.Revision,
            ModelType = configuration.ModelType,
            HiddenSize = configuration.HiddenSize,
            Layers = configuration.Layers,
            Heads = configuration.Heads,
            VocabularySize = configuration.VocabularySize,
            FeedForwardSize = configuration.FeedForwardSize,
            Activation = configuration.Activation,
            MaxPositionEmbeddings = configuration.MaxPositionEmbeddings,
            LayerNormEpsilon = configuration.LayerNormEpsilon,
            PadTokenId = configuration.PadTokenId,
            Traits = configuration.Traits.Count == 0 ? null : new(configuration.Traits.ToDictionary(), StringComparer.Ordinal),
            Weights = HashesOf(weights),
            Tokenizer = HashesOf(tokenizer.Select(file => Path.GetFileName(file))),
        };

        SortedDictionary<string, string> HashesOf(IEnumerable<string> names) =>
            new(names.ToDictionary(name => name, name => fingerprint.Of(Path.Combine(location.Directory, name))), StringComparer.Ordinal);
    }

    /// <summary>How another encoder's configuration differs from this one.</summary>
    /// <remarks>It compares values, not the file's hash, because each version of transformers writes <c>config.json</c> in its own way.</remarks>
    /// <returns>Phrases for an error message; none if it agrees.</returns>
    public IEnumerable<string> Differences(BackboneConfiguration found)
    {
        if (found.ModelType != ModelType)
            yield return $"model type {found.ModelType}, expected {ModelType}";
        if (found.HiddenSize != HiddenSize)
            yield return $"hidden size {found.HiddenSize}, expected {HiddenSize}";
        if (found.Layers != Layers)
            yield return $"{found.Layers} layers, expected {Layers}";
        if (found.Heads != Heads)
            yield return $"{found.Heads} heads, expected {Heads}";
        if (found.VocabularySize != VocabularySize)
            yield return $"vocabulary of {found.VocabularySize}, expected {VocabularySize}";
        if (found.FeedForwardSize != FeedForwardSize)
            yield return $"feed-forward size {found.FeedForwardSize}, expected {FeedForwardSize}";
        if (found.Activation != Activation)
            yield return $"activation {found.Activation}, expected {Activation}";
        if (found.MaxPositionEmbeddings != MaxPositionEmbeddings)
            yield return $"{found.MaxPositionEmbeddings} positions, expected {MaxPositionEmbeddings}";
        if (found.LayerNormEpsilon != LayerNormEpsilon)
            yield return string.Create(CultureInfo.InvariantCulture, $"layer norm epsilon {found.LayerNormEpsilon}, expected {LayerNormEpsilon}");
        if (found.PadTokenId != PadTokenId)
            yield return $"padding token {found.PadTokenId}, expected {PadTokenId}";
        foreach (var (key, expected) in Traits ?? [])
            if (found.Traits.GetValueOrDefault(key, "nothing") is var value && value != expected)
                yield return $"{key} {value}, expected {expected}";
    }

    /// <summary>How the files in a folder differ from those of this encoder.</summary>
    /// <inheritdoc cref="Differences(BackboneConfiguration)"/>
    public IEnumerable<string> Differences(string directory, Fingerprint fingerprint)
    {
        var missing = false;
        foreach (var (name, expected) in Weights.Concat(Tokenizer))
        {
            var path = Path.Combine(directory, name);
            if (!File.Exists(path))
            {
                missing = true;
                yield return $"no {name}";
            }
            else if (fingerprint.Of(path) is var found && found != expected)
                yield return $"{name} has SHA-256 {found[..12]}..., expected {expected[..12]}...";
        }

        if (missing)
            yield break;

        // A later settings file changes the ids as much as another vocabulary does. Weights in a preferred format would be read instead.
        foreach (var name in TextTokenizer.FilesOf(directory).Where(name => !Tokenizer.ContainsKey(name)))
            yield return $"{name}, which the tokenizer would read, was not there at training";
        foreach (var name in (CheckpointFiles.TryFind(directory)?.Names ?? []).Where(name => !Weights.ContainsKey(name)))
            yield return $"{name}, which the weights would be read from, was not there at training";
    }

    /// <summary>Name, revision and numbers, for messages.</summary>
    public override string ToString() =>
        $"'{Name}'{(Revision is null ? "" : $" at revision {Revision}")} " +
        $"({ModelType}, hidden size {HiddenSize}, {Layers} layers, {Heads} heads, vocabulary of {VocabularySize})";

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (Name is null || ModelType is null || Activation is null || Weights is not { Count: > 0 } || Tokenizer is null)
            throw new JsonException("A backbone reference needs name, modelType, activation, weights and tokenizer; one of them is null or empty.");
        if (Kind == BackboneKind.Hub && !PlainPath.IsBelow(Name))
            throw new JsonException($"A backbone reference has '{Name}' as name; expected a hub id: name or organisation/name.");
        if (Revision is not null && !PlainPath.IsBelow(Revision))
            throw new JsonException($"A backbone reference has '{Revision}' as revision; expected a commit, branch or tag of the hub.");

        foreach (var (file, hash) in Weights.Concat(Tokenizer))
        {
            if (!PlainPath.IsBelow(file) || !Weights.ContainsKey(file) && file.Contains('/'))
                throw new JsonException($"A backbone reference has a file '{file}'; expected the name of a file in the encoder's folder.");
            if (hash is not { Length: 64 } || !hash.All(char.IsAsciiHexDigitLower))
                throw new JsonException($"A backbone reference has '{hash}' as SHA-256 of '{file}'; expected 64 lower-case hexadecimal digits.");
        }
    }
}

internal sealed class BackboneKindConverter() : JsonStringEnumConverter<BackboneKind>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
