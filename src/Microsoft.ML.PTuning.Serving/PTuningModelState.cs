using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Serving;

/// <summary>Whether a model of the folder is loaded.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PTuningModelState>))]
public enum PTuningModelState
{
    /// <summary>It is loaded when it is asked for.</summary>
    Listed = 0,

    /// <summary>It is being loaded.</summary>
    Loading = 1,

    /// <summary>It is loaded.</summary>
    Loaded = 2,

    /// <summary>Its file cannot be loaded, and no older version is loaded.</summary>
    Broken = 3,
}
