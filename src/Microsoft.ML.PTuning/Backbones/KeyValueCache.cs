using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>The keys and values of all that a decoder has read, so that each new token is computed alone.</summary>
/// <remarks>For the next token, what was read before is a prefix of each layer; the trained prefix stands before it. For one thread.</remarks>
internal sealed class KeyValueCache(Backbone backbone) : IDisposable
{
    private readonly LayerPrefix?[] _read = new LayerPrefix?[backbone.Configuration.Layers];
    private readonly HashSet<Tensor> _stale = new(ReferenceEqualityComparer.Instance); // Freed when the pass that reads them is over.

    /// <summary>What a method changes, with all that was read as the layers' prefix. Reading the batch under it adds the batch.</summary>
    /// <param name="tuning">The method's own changes.</param>
    public Tuning Extend(Tuning tuning, EncodedBatch batch)
    {
        Free();
        LayerPrefix?[] before = [.. _read.Select((read, layer) => read ?? tuning.Prefixes?[layer])];
        var masks = new List<(Tensor? Before, int Length, int Stack, Tensor? All)>();
        return tuning with { Prefixes = before, OnKeysAndValues = Keep, Prompts = batch.PromptPlaces is null ? null : tuning.Prompts };

        void Keep(int layer, Tensor keys, Tensor values)
        {
            if (keys.size(2) == 0)
                return; // A decoder's attention to the text, which was read before.

            var prefix = before[layer];
            var (allKeys, allValues) = prefix?.Prepend(keys, values) ?? (keys, values);
            Replace(layer, new(Own(allKeys), Own(allValues), MaskOf(prefix, layer, keys.size(2)), Own(prefix?.LogGate))
            {
                Gated = prefix?.Gated ?? 0,
            });
        }

        // Layers of a stack with the same prefix share their mask, so that the attention's is built once.
        Tensor? MaskOf(LayerPrefix? prefix, int layer, long tokens)
        {
            var (length, stack) = (prefix?.Length ?? 0, backbone.StackOf(layer));
            foreach (var known in masks)
                if (ReferenceEquals(known.Before, prefix?.Mask) && (known.Length, known.Stack) == (length, stack))
                    return known.All;

            var real = backbone.KeyMask(layer, batch);
            var all = prefix?.Mask is null && real is null
                ? null
                : Own(cat([prefix?.Mask ?? Ones(length), real ?? Ones(tokens)], 1));
            masks.Add((prefix?.Mask, length, stack, all));
            return all;
        }

        Tensor Ones(long count) => ones(batch.Rows, count, ScalarType.Float32, batch.Ids.device);
    }

    /// <summary>Keeps some of the rows, in any order; a row may come several times.</summary>
    /// <param name="rows">Their numbers, Int64.</param>
    public void Select(Tensor rows)
    {
        Free();
        var selected = new Dictionary<Tensor, Tensor>(ReferenceEqualityComparer.Instance);
        for (var layer = 0; layer < _read.Length; layer++)
            if (_read[layer] is { } read)
                Replace(layer, read with
                {
                    Keys = Selected(read.Keys),
                    Values = Selected(read.Values),
                    Mask = read.Mask is null ? null : Selected(read.Mask),
                    LogGate = read.LogGate is { } gate ? Own(gate.dim() == 1 ? gate.alias() : gate.index_select(0, rows)) : null,
                });

        Tensor Selected(Tensor all)
        {
            if (!selected.TryGetValue(all, out var some))
                selected[all] = some = Own(all.index_select(0, rows));
            return some;
        }
    }

    public void Dispose()
    {
        for (var layer = 0; layer < _read.Length; layer++)
            Replace(layer, null);
        Free();
    }

    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(tensor))]
    private static Tensor? Own(Tensor? tensor) => tensor?.alias().DetachFromDisposeScope();

    private void Replace(int layer, LayerPrefix? next)
    {
        if (_read[layer] is { } old)
            _stale.UnionWith(new[] { old.Keys, old.Values, old.Mask, old.LogGate }.OfType<Tensor>());
        _read[layer] = next;
    }

    private void Free()
    {
        foreach (var tensor in _stale)
            tensor.Dispose();
        _stale.Clear();
    }
}
