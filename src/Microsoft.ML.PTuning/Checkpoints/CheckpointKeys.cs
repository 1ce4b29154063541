using System.Text;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Finds the tensors that a family declares among the keys of a checkpoint, however it spells them.</summary>
internal static class CheckpointKeys
{
    /// <summary>Heads that stand beside an encoder in published checkpoints.</summary>
    private static readonly string[] Heads =
    [
        "cls.", "lm_head.", "classifier.", "qa_outputs.",                                       // BERT, RoBERTa
        "discriminator_predictions.", "generator_predictions.", "generator_lm_head.",           // ELECTRA
        "sequence_summary.",
        "predictions.", "sop_classifier.",                                                      // ALBERT
        "vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.",         // DistilBERT
        "lm_predictions.", "mask_predictions.", "pooler.",                                      // DeBERTa, whose pooler is a classifier's
    ];

    /// <summary>Constants that older versions of transformers saved with the weights.</summary>
    private static readonly string[] Buffers = [".position_ids", ".token_type_ids"];

    private static readonly string[] WeightTypes = ["F32", "F16", "BF16"];

    /// <summary>Matches strictly: every declared tensor once, with its shape, and nothing besides heads and buffers.</summary>
    /// <returns>The checkpoint's key of each declared tensor that is there, by declared name.</returns>
    /// <exception cref="InvalidDataException">The message names every tensor that is missing, unknown, or of another shape or type.</exception>
    public static Dictionary<string, string> Match(ICheckpoint checkpoint, string keyPrefix, IReadOnlyList<TensorDeclaration> declared)
    {
        var byName = declared.ToDictionary(d => d.Name);
        var keys = new Dictionary<string, string>();
        var faults = new List<string>();

        foreach (var entry in checkpoint.Tensors)
        {
            var key = entry.Name;
            var name = DeclaredName(key, keyPrefix);
            if (!byName.TryGetValue(name, out var declaration))
            {
                if (!IsKnownExtra(name))
                    faults.Add($"unexpected: {key}, {entry}");
            }
            else if (!keys.TryAdd(name, key))
            {
                faults.Add($"twice: {keys[name]} and {key}");
            }
            else if (!WeightTypes.Contains(entry.Type))
            {
                faults.Add($"wrong type: {key} is {entry}, expected one of {string.Join(", ", WeightTypes)}");
            }
            else if (!entry.Shape.SequenceEqual(declaration.Shape))
            {
                faults.Add($"wrong shape: {key} is {TensorDeclaration.Format(entry.Shape)}, expected {TensorDeclaration.Format(declaration.Shape)}");
            }
        }

        faults.AddRange(Missing(declared, keys).Select(d => $"missing: {keyPrefix}{d.Name}, {TensorDeclaration.Format(d.Shape)}"));
        return faults.Count == 0 ? keys : throw Refuse(checkpoint.Source, faults);
    }

    /// <summary>A key without the model's prefix, and with the names that LayerNorm's tensors have had since TensorFlow's gamma and beta.</summary>
    private static string DeclaredName(string key, string keyPrefix)
    {
        var name = key.StartsWith(keyPrefix, StringComparison.Ordinal) ? key[keyPrefix.Length..] : key;
        if (name.EndsWith(".gamma", StringComparison.Ordinal))
            return name[..^".gamma".Length] + ".weight";
        if (name.EndsWith(".beta", StringComparison.Ordinal))
            return name[..^".beta".Length] + ".bias";
        return name;
    }

    private static bool IsKnownExtra(string name) =>
        Heads.Any(head => name.StartsWith(head, StringComparison.Ordinal)) || Buffers.Any(buffer => name.EndsWith(buffer, StringComparison.Ordinal));

    /// <summary>What is required, and what completes an optional module of which a part is there.</summary>
    private static IEnumerable<TensorDeclaration> Missing(IReadOnlyList<TensorDeclaration> declared, Dictionary<string, string> keys)
    {
        var modules = declared.Where(d => keys.ContainsKey(d.Name)).Select(d => d.Module).ToHashSet();
        return declared.Where(d => !keys.ContainsKey(d.Name) && (!d.Optional || modules.Contains(d.Module)));
    }

    private static InvalidDataException Refuse(string source, List<string> faults)
    {
        var message = new StringBuilder($"'{source}' does not hold the tensors that its config.json calls for:");
        foreach (var fault in faults)
            message.Append("\n  ").Append(fault);
        message.Append("\nTake config.json and weights from the same checkpoint of a supported family.");
        return new(message.ToString());
    }
}
