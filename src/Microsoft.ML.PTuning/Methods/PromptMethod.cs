using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Which prompt a model has; saved with it.</summary>
internal sealed record PromptMethod : IJsonOnDeserialized
{
    /// <summary>P-Tuning v2, or linear probing where there is no prefix: <c>p-tuning-v2</c>, <c>linear-probe</c>.</summary>
    [JsonInclude]
    public string Name => PrefixLength == 0 ? "linear-probe" : "p-tuning-v2";

    /// <summary>P; 0 for none.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>How many layers, counted from the top, are prompted; 0 for all.</summary>
    public int PrefixLayers { get; init; }

    public PositionOffset PositionOffset { get; init; }

    /// <summary>The method over an encoder.</summary>
    public PromptedEncoder Over(Backbone backbone) =>
        new(backbone, PrefixShape.For(backbone.Configuration, PrefixLength, PrefixLayers), PositionOffset);

    /// <param name="maxLength">Most tokens of a row.</param>
    /// <returns>Why this method does not fit the encoder, and what to do; null where it fits.</returns>
    public string? FindMisfit(Backbone backbone, int maxLength)
    {
        var layers = backbone.Configuration.Layers;
        if (PrefixLayers > layers)
            return $"PrefixLayers is {PrefixLayers}, but the backbone has {layers} layers. Use {layers} or less, or 0 for all.";

        var reserved = PositionOffset == PositionOffset.Prefix ? PrefixLength : 0;
        var shorten = reserved > 0 ? ", a shorter prefix, or PositionOffset.None" : "";
        return (long)reserved + maxLength > backbone.MaxPositions
            ? $"PrefixLength {reserved} and MaxLength {maxLength} together exceed the {backbone.MaxPositions} positions of the backbone. "
                + $"Use a MaxLength of {Math.Max(0, backbone.MaxPositions - reserved)} or less{shorten}."
            : null;
    }

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (PrefixLength < 0 || PrefixLayers < 0)
            throw new JsonException($"The method's prefixLength is {PrefixLength} and its prefixLayers {PrefixLayers}; expected 0 or more.");
    }
}
