using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Random weights for a folder that has a configuration: what a product of matrices costs does not depend on their numbers.</summary>
internal static class RandomWeights
{
    public static void Write(string folder, SafetensorsStorage storage = SafetensorsStorage.F32)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var random = Initializers.Normal(generator);
        var configuration = BackboneConfiguration.Read(folder);
        var declared = BackboneFamilies.Find(configuration.ModelType)!.Declare(configuration);
        using var file = File.Create(Path.Combine(folder, "model.safetensors"));
        SafetensorsWriter.Write(file, [.. declared.Select(tensor => (tensor.Name, Value(tensor)))], storage);

        Tensor Value(TensorDeclaration tensor) =>
            tensor.Name.EndsWith("bias", StringComparison.Ordinal) ? zeros(tensor.Shape)
            : tensor.Shape.Length == 1 ? ones(tensor.Shape)
            : random(tensor.Shape);
    }
}
