using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>The prefix of the keys in a family's checkpoints, and what they hold beside the encoder.</summary>
/// <param name="Prefix">What the keys of full checkpoints begin with: <c>bert.</c>; encoders saved alone have none.</param>
internal sealed record CheckpointNames(string Prefix)
{
    /// <summary>Beginnings of the keys of heads that published checkpoints of the family hold, beside the heads that any family may have.</summary>
    public IReadOnlyList<string> Heads { get; init; } = [];

    /// <summary>Endings of the keys of constants that some versions of transformers saved with the weights.</summary>
    public IReadOnlyList<string> Buffers { get; init; } = [];
}

/// <summary>Finds a family's declared tensors among the keys of a checkpoint, in any of the known spellings.</summary>
internal static class CheckpointKeys
{
    /// <summary>What transformers, and the official code of P-tuning v2, add to encoders of any family.</summary>
    private static readonly string[] TaskHeads = ["classifier.", "score.", "qa_outputs.", "sequence_summary.", "prefix_encoder."];

    /// <summary>Constants that older versions of transformers saved with the weights of any family.</summary>
    private static readonly string[] Buffers = [".position_ids", ".token_type_ids"];

    /// <summary>How many of the tensors that do not fit a message names: those of several layers.</summary>
    private const int MostNamed = 60;

    private static readonly string[] WeightTypes = ["F32", "F16", "BF16"];

    /// <summary>Matches strictly: every declared tensor once, with its shape, and nothing besides heads and buffers.</summary>
    /// <returns>The checkpoint's key of each declared tensor that is there, by declared name.</returns>
    /// <exception cref="InvalidDataException">The message names every tensor that is missing, unknown, or of another shape or type.</exception>
    public static Dictionary<string, string> Match(ICheckpoint checkpoint, CheckpointNames names, IReadOnlyList<TensorDeclaration> declared) =>
        Match(
        checkpoint, names.Prefix, declared, name => IsKnownExtra(name, names), "Take config.json and weights from the same checkpoint of a supported family.");

    /// <summary>Finds every declared tensor, with its shape, among others.</summary>
    /// <inheritdoc cref="Match(ICheckpoint, CheckpointNames, IReadOnlyList{TensorDeclaration})"/>
    public static Dictionary<string, string> Find(ICheckpoint checkpoint, IReadOnlyList<TensorDeclaration> declared) =>
        Match(
        checkpoint, keyPrefix: "", declared, _ => true, "The encoder was saved without them: take the checkpoint of the whole language model.");

    private static Dictionary<string, string> Match(
        ICheckpoint checkpoint, string keyPrefix, IReadOnlyList<TensorDeclaration> declared, Func<string, bool> isKnownExtra, string advice)
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
                if (!isKnownExtra(name))
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
        return faults.Count == 0 ? keys : throw Refuse(checkpoint.Source, faults, advice);
    }

    /// <summary>A key without the model's prefix, and with weight and bias for the gamma and beta of TensorFlow's LayerNorm.</summary>
    private static string DeclaredName(string key, string keyPrefix)
    {
        var name = key.StartsWith(keyPrefix, StringComparison.Ordinal) ? key[keyPrefix.Length..] : key;
        if (name.EndsWith(".gamma", StringComparison.Ordinal))
            return name[..^".gamma".Length] + ".weight";
        if (name.EndsWith(".beta", StringComparison.Ordinal))
            return name[..^".beta".Length] + ".bias";
        return name;
    }

    private static bool IsKnownExtra(string name, CheckpointNames names) =>
        TaskHeads.Concat(names.Heads).Any(head => name.StartsWith(head, StringComparison.Ordinal))
        || Buffers.Concat(names.Buffers).Any(buffer => name.EndsWith(buffer, StringComparison.Ordinal));

    /// <summary>The missing tensors: required ones, and those of optional modules that are present in part.</summary>
    private static IEnumerable<TensorDeclaration> Missing(IReadOnlyList<TensorDeclaration> declared, Dictionary<string, string> keys)
    {
        var modules = declared.Where(d => keys.ContainsKey(d.Name)).Select(d => d.Module).ToHashSet();
        return declared.Where(d => !keys.ContainsKey(d.Name) && (!d.Optional || modules.Contains(d.Module)));
    }

    private static InvalidDataException Refuse(string source, List<string> faults, string advice)
    {
        var message = new StringBuilder($"'{source}' does not hold the tensors that its config.json calls for:");
        foreach (var fault in faults.Take(MostNamed))
            message.Append("\n  ").Append(fault);
        if (faults.Count > MostNamed)
            message.Append(CultureInfo.InvariantCulture, $"\n  and {faults.Count - MostNamed} more");
        message.Append('\n').Append(advice);
        return new(message.ToString());
    }
}
