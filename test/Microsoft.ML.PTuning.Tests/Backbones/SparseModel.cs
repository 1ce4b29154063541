using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>A Hugging Face directory of a large model in BF16 and shards, whose files have holes: only some tensors take room on the disk, the others are 0.</summary>
internal sealed class SparseModel : IDisposable
{
    private const int BytesPerNumber = 2;
    private const long ShardBytes = 2L << 30;

    private readonly TemporaryDirectory _directory = new();

    /// <param name="configuration">What <c>config.json</c> says.</param>
    /// <param name="isRandom">Which tensors have random numbers; the weights of norms are then 1.</param>
    public SparseModel(JsonObject configuration, Func<string, bool> isRandom)
    {
        File.WriteAllText(_directory.File("config.json"), configuration.ToJsonString());
        var settings = BackboneConfiguration.Read(Path);
        var files = new Dictionary<string, string>();
        var shards = Shards([.. BackboneFamilies.Find(settings.ModelType)!.Declare(settings)]);
        using var generator = new Generator(1);
        for (var i = 0; i < shards.Count; i++)
        {
            var file = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            Write(file, shards[i], isRandom, generator);
            foreach (var tensor in shards[i])
                files[tensor.Name] = file;
        }
        Numbers = shards.SelectMany(tensors => tensors).Sum(Count);
        File.WriteAllText(_directory.File("model.safetensors.index.json"), JsonSerializer.Serialize(new { metadata = new { }, weight_map = files }));
    }

    public string Path => _directory.Path;

    /// <summary>How many numbers the model has.</summary>
    public long Numbers { get; }

    public void Dispose() => _directory.Dispose();

    private static List<List<TensorDeclaration>> Shards(List<TensorDeclaration> tensors)
    {
        List<List<TensorDeclaration>> shards = [];
        var bytes = ShardBytes;
        foreach (var tensor in tensors)
        {
            if (bytes + BytesPerNumber * Count(tensor) > ShardBytes)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            bytes += BytesPerNumber * Count(tensor);
        }
        return shards;
    }

    private static long Count(TensorDeclaration tensor) => tensor.Shape.Aggregate(1L, (product, size) => product * size);

    private void Write(string file, List<TensorDeclaration> tensors, Func<string, bool> isRandom, Generator generator)
    {
        using var stream = File.Create(_directory.File(file));
        stream.Write(SafetensorsPrologue.Write(tensors.Select(tensor =>
            new SafetensorsPlan(tensor.Name, nameof(SafetensorsStorage.BF16), tensor.Shape, BytesPerNumber * Count(tensor)))));
        foreach (var tensor in tensors)
        {
            var next = stream.Position + BytesPerNumber * Count(tensor);
            if (isRandom(tensor.Name))
            {
                using var scope = NewDisposeScope();
                var isNorm = tensor.Shape.Length == 1 && tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal);
                var numbers = isNorm ? ones(tensor.Shape) : randn(tensor.Shape, generator: generator).mul_(0.02);
                stream.Write(numbers.to(ScalarType.BFloat16).bytes);
            }
            stream.Position = next;
        }
        stream.SetLength(stream.Position);
    }
}
