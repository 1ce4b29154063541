using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Models of random weights: what a product of matrices costs does not depend on their numbers.</summary>
internal static class RandomWeights
{
    /// <summary>A folder for all benchmarks of this user's temporary folder, with random weights; written at the first use on a machine.</summary>
    /// <param name="configuration">What <c>config.json</c> says.</param>
    /// <param name="writeTokenizer">Writes the tokenizer's files into a folder; null for none.</param>
    public static string FolderOf(
        string name, IReadOnlyDictionary<string, object> configuration, SafetensorsStorage storage = SafetensorsStorage.F32, Action<string>? writeTokenizer = null)
    {
        var folder = Path.Combine(Path.GetTempPath(), "ptuning-benchmarks", name);
        if (Directory.Exists(folder))
            return folder;

        var draft = $"{folder}.part"; // Until it is whole.
        Directory.CreateDirectory(draft);
        File.WriteAllText(Path.Combine(draft, BackboneConfiguration.FileName), JsonSerializer.Serialize(configuration));
        writeTokenizer?.Invoke(draft);
        Write(draft, storage);
        Directory.Move(draft, folder);
        return folder;
    }

    private static void Write(string folder, SafetensorsStorage storage)
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
