using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A language model of GPT-2's smallest shape with random weights: 12 layers of 768, a vocabulary of 50,257; 500 MB of F32.</summary>
internal static class Gpt2ShapedModel
{
    public const int VocabularySize = 50257;

    private static readonly Lazy<string>
        LazyFolder = new(() => FolderOf("gpt2-shaped", layers: 12, hidden: 768, SafetensorsStorage.F32)),
        LazyLargeFolder = new(() => FolderOf("gpt2-large-shaped", layers: 24, hidden: 2048, SafetensorsStorage.BF16));

    /// <summary>Its folder, without a tokenizer; written at the first use on a machine.</summary>
    public static string Folder => LazyFolder.Value;

    /// <summary>The same of a model of 24 layers of 2,048: 1.3 billion numbers, 2.6 GB of BF16.</summary>
    public static string LargeFolder => LazyLargeFolder.Value;

    private static string FolderOf(string name, int layers, int hidden, SafetensorsStorage storage) => RandomWeights.FolderOf(
        name,
        new Dictionary<string, object>
        {
            ["model_type"] = "gpt2",
            ["vocab_size"] = VocabularySize,
            ["n_embd"] = hidden,
            ["n_layer"] = layers,
            ["n_head"] = hidden / 64,
            ["n_positions"] = 1024,
        },
        storage);
}
