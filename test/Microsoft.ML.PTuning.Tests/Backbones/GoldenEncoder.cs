using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>A golden file and its encoder, which has gone through a Hugging Face directory and the loading that users get.</summary>
internal sealed class GoldenEncoder : IDisposable
{
    private readonly TemporaryDirectory _directory;

    /// <param name="path">The golden file without <c>.safetensors</c>.</param>
    /// <param name="weights">What the names of its weights begin with.</param>
    /// <param name="isEncoder">Which weights, by their name in the checkpoint, go into the directory; null for all.</param>
    public GoldenEncoder(string path, string weights, Func<string, bool>? isEncoder = null)
    {
        var configuration = $"{path}.config.json";
        var family = JsonDocument.Parse(File.ReadAllText(configuration)).RootElement.GetProperty("model_type").GetString()!;
        if (BackboneFamilies.Find(family) is null)
            throw new AssertInconclusiveException($"The family {family} is not built yet.");

        _directory = new TemporaryDirectory();
        using var stream = File.OpenRead($"{path}.safetensors");
        using var file = SafetensorsFile.Read(stream, path);
        Tensors = file.LoadAll();

        File.Copy(configuration, _directory.File("config.json"));
        using (var checkpoint = File.Create(_directory.File("model.safetensors")))
        {
            SafetensorsWriter.Write(checkpoint, [.. Tensors
                .Where(pair => pair.Key.StartsWith(weights, StringComparison.Ordinal))
                .Select(pair => (Name: pair.Key[weights.Length..], pair.Value))
                .Where(pair => isEncoder?.Invoke(pair.Name) ?? true)]);
        }

        Backbone = Backbone.Load(_directory.Path, CPU);
        var ids = Tensors["input.input_ids"];
        Batch = new EncodedBatch(
            ids, Tensors.GetValueOrDefault("input.token_type_ids") ?? zeros_like(ids), Tensors["input.attention_mask"].to(ScalarType.Float32));
    }

    public Dictionary<string, Tensor> Tensors { get; }

    public Backbone Backbone { get; }

    public EncodedBatch Batch { get; }

    /// <summary>The encoder once more, with weights and arithmetic of another type.</summary>
    public Backbone LoadAs(ScalarType type)
    {
        var configuration = BackboneConfiguration.Read(_directory.Path);
        var family = BackboneFamilies.Find(configuration.ModelType)!;
        using var checkpoint = CheckpointFiles.Find(_directory.Path).Open();
        return family.Create(configuration, FrozenTensors.Load(checkpoint, family.KeyPrefix, family.Declare(configuration), CPU, type));
    }

    /// <summary>Whether an official model's tensor is its encoder's: not the prefix, nor the pooler that DeBERTa's models train.</summary>
    public static bool IsOfTheEncoder(string weight) =>
        !weight.StartsWith("prefix_encoder.", StringComparison.Ordinal) && !weight.StartsWith("pooler.", StringComparison.Ordinal);

    public void Dispose()
    {
        Backbone.Dispose();
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
        _directory.Dispose();
    }
}
