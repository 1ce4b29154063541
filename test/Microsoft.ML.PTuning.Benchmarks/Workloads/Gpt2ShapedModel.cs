using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A language model of GPT-2's smallest shape with random weights: 12 layers of 768, a vocabulary of 50,257; 500 MB of F32.</summary>
internal static class Gpt2ShapedModel
{
    public const int VocabularySize = 50257;

    private static readonly Lazy<string> LazyFolder = new(FindOrWrite);

    /// <summary>Its folder, without a tokenizer; written at the first use on a machine.</summary>
    public static string Folder => LazyFolder.Value;

    private static string FindOrWrite()
    {
        var folder = Path.Combine(Path.GetTempPath(), "ptuning-benchmarks", "gpt2-shaped");
        if (Directory.Exists(folder))
            return folder;

        var draft = $"{folder}.part"; // Until it is whole.
        Directory.CreateDirectory(draft);
        File.WriteAllText(Path.Combine(draft, BackboneConfiguration.FileName), JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["model_type"] = "gpt2",
            ["vocab_size"] = VocabularySize,
            ["n_embd"] = 768,
            ["n_layer"] = 12,
            ["n_head"] = 12,
            ["n_positions"] = 1024,
        }));
        RandomWeights.Write(draft);
        Directory.Move(draft, folder);
        return folder;
    }
}
