using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning;

/// <summary>The frozen encoder that a model stands on.</summary>
public sealed class BackboneDescription
{
    internal BackboneDescription(BackboneLease lease, BackboneReference reference)
    {
        Name = reference.Name;
        Directory = lease.Directory;
        ModelType = reference.ModelType;
        Layers = reference.Layers;
        HiddenSize = reference.HiddenSize;
        ParameterCount = lease.Backbone.ParameterCount;
        FileBytes = reference.Weights.Keys.Sum(file => RegularFile.LengthOf(Path.Combine(lease.Directory, file)));
    }

    /// <summary>The folder's name, or the hub id.</summary>
    public string Name { get; }

    /// <summary>Where it lies on this machine.</summary>
    public string Directory { get; }

    /// <summary>The family, as <c>model_type</c> of its configuration names it: bert, xlm-roberta, electra.</summary>
    public string ModelType { get; }

    /// <summary>Layers of the encoder.</summary>
    public int Layers { get; }

    /// <summary>Size of its hidden states.</summary>
    public int HiddenSize { get; }

    /// <summary>Numbers that it holds, all frozen.</summary>
    public long ParameterCount { get; }

    /// <summary>Size of its weight files.</summary>
    public long FileBytes { get; }
}
