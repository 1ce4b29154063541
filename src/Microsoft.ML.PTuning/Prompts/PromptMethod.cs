using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Prompts;

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

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (PrefixLength < 0 || PrefixLayers < 0)
            throw new JsonException($"The method's prefixLength is {PrefixLength} and its prefixLayers {PrefixLayers}; expected 0 or more.");
    }
}
