using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>An encoder of BERT-base's shape with random weights: 12 layers of 768, 12 heads, a vocabulary of 30,522; 440 MB of F32.</summary>
/// <remarks>What a product of matrices costs does not depend on their numbers, and no published model is at hand on every machine.</remarks>
internal static class BaseShapedEncoder
{
    private const int VocabularySize = 30522;

    private static readonly string[] SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private static readonly Lazy<string> LazyFolder = new(FindOrWrite);

    /// <summary>Its folder, for all benchmarks of this user's temporary folder; written at the first use on a machine.</summary>
    public static string Folder => LazyFolder.Value;

    private static string FindOrWrite()
    {
        var folder = Path.Combine(Path.GetTempPath(), "ptuning-benchmarks", "bert-base-shaped");
        if (Directory.Exists(folder))
            return folder;

        var draft = $"{folder}.part"; // Until it is whole.
        Directory.CreateDirectory(draft);
        WriteConfiguration(Path.Combine(draft, BackboneConfiguration.FileName));
        File.WriteAllLines(Path.Combine(draft, "vocab.txt"), Vocabulary());
        RandomWeights.Write(draft);
        Directory.Move(draft, folder);
        return folder;
    }

    private static void WriteConfiguration(string path) => File.WriteAllText(path, JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["model_type"] = "bert",
        ["vocab_size"] = VocabularySize,
        ["hidden_size"] = 768,
        ["num_hidden_layers"] = 12,
        ["num_attention_heads"] = 12,
        ["intermediate_size"] = 3072,
        ["hidden_act"] = "gelu",
        ["max_position_embeddings"] = 512,
        ["type_vocab_size"] = 2,
        ["layer_norm_eps"] = 1e-12,
        ["pad_token_id"] = 0,
    }));

    /// <summary>The words that <see cref="TextRows"/> draws, single letters for all others, and names that stand in no text.</summary>
    private static IEnumerable<string> Vocabulary()
    {
        var letters = Enumerable.Range('!', '~' - '!' + 1).Select(letter => $"{(char)letter}").ToArray();
        string[] used = [.. SpecialTokens, .. letters, .. letters.Select(letter => $"##{letter}"), .. TextRows.Vocabulary];
        string[] known = [.. used.Distinct()];
        return known.Concat(Enumerable.Range(0, VocabularySize - known.Length).Select(i => $"[unused{i}]"));
    }
}
