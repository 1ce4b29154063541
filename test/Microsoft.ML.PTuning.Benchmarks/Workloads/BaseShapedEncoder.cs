namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>An encoder of BERT-base's shape with random weights: 12 layers of 768, 12 heads, a vocabulary of 30,522; 440 MB of F32.</summary>
/// <remarks>What a product of matrices costs does not depend on their numbers, and no published model is at hand on every machine.</remarks>
internal static class BaseShapedEncoder
{
    private const int VocabularySize = 30522;

    private static readonly string[] SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private static readonly Lazy<string> LazyFolder = new(() => RandomWeights.FolderOf(
        "bert-base-shaped", Configuration, writeTokenizer: folder => File.WriteAllLines(Path.Combine(folder, "vocab.txt"), Vocabulary())));

    /// <summary>Its folder, for all benchmarks of this user's temporary folder; written at the first use on a machine.</summary>
    public static string Folder => LazyFolder.Value;

    private static Dictionary<string, object> Configuration => new()
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
    };

    /// <summary>The words that <see cref="TextRows"/> draws, single letters for all others, and names that stand in no text.</summary>
    private static IEnumerable<string> Vocabulary()
    {
        var letters = Enumerable.Range('!', '~' - '!' + 1).Select(letter => $"{(char)letter}").ToArray();
        string[] used = [.. SpecialTokens, .. letters, .. letters.Select(letter => $"##{letter}"), .. TextRows.Vocabulary];
        string[] known = [.. used.Distinct()];
        return known.Concat(Enumerable.Range(0, VocabularySize - known.Length).Select(i => $"[unused{i}]"));
    }
}
