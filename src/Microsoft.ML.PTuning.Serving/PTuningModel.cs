using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Serving;

/// <summary>A model of the folder, loaded or not.</summary>
/// <example>
/// <code>
/// var model = new PTuningModel { Name = "queue", State = PTuningModelState.Listed, FileBytes = 40_000, Written = DateTime.UtcNow };
/// </code>
/// </example>
public sealed class PTuningModel
{
    /// <summary>The file's name without its ending.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the model is loaded.</summary>
    public required PTuningModelState State { get; init; }

    /// <summary>The size of the file in bytes.</summary>
    public required long FileBytes { get; init; }

    /// <summary>When the file was written, in UTC.</summary>
    public required DateTime Written { get; init; }

    /// <summary>The size of the loaded tensors in bytes, as saved in F32; null if the model is not loaded.</summary>
    public long? TensorBytes { get; init; }

    /// <summary>
    /// Why the file as it is now cannot be loaded; null if it can, or if this was not tried. An older version may be serving. Answers to requests leave it
    /// out, because it names folders.
    /// </summary>
    [JsonIgnore]
    public string? Problem { get; init; }
}
