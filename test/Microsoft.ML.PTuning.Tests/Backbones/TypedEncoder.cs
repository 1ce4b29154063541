using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Encoders in types that no option offers.</summary>
internal static class TypedEncoder
{
    /// <param name="directory">A Hugging Face directory.</param>
    /// <param name="change">Changes a weight of a name in place; null to leave all as they are.</param>
    public static Backbone Load(string directory, ScalarType type, Action<string, Tensor>? change = null)
    {
        var configuration = BackboneConfiguration.Read(directory);
        var family = BackboneFamilies.Find(configuration.ModelType)!;
        var declared = family.Declare(configuration);
        using var checkpoint = CheckpointFiles.Find(directory).Open();
        var tensors = FrozenTensors.Load(checkpoint, family.Keys, declared, CPU, type);
        foreach (var name in declared.Select(d => d.Name).Where(tensors.Has))
            change?.Invoke(name, tensors[name]);
        return family.Create(configuration, tensors);
    }
}
