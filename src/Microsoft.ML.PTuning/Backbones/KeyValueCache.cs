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
        var masks = new List<(Tensor? Before, Tensor? Real, Tensor All)>();
        return tuning with { Prefixes = before, OnKeysAndValues = Keep, Prompts = batch.PromptPlaces is null ? null : tuning.Prompts };

        void Keep(int layer, Tensor keys, Tensor values)
        {
            if (keys.size(2) == 0)
                return; // A decoder's attention to the text, which was read before.

            var prefix = before[layer];
            var (allKeys, allValues) = prefix?.Prepend(keys, values) ?? (keys, values);
            Replace(layer, new(Own(allKeys), Own(allValues), MaskOf(prefix, backbone.KeyMask(layer, batch), keys.size(2)), Own(prefix?.LogGate))
            {
                Gated = prefix?.Gated ?? 0,
            });
        }

        // Layers with the same mask share it, so that the attention's is built once.
        Tensor? MaskOf(LayerPrefix? prefix, Tensor? real, long tokens)
        {
            if (prefix?.Mask is null && real is null)
                return null;
            foreach (var known in masks)
                if (ReferenceEquals(known.Before, prefix?.Mask) && ReferenceEquals(known.Real, real))
                    return known.All;

            var ofPrefix = prefix?.Mask ?? ones(batch.Rows, prefix?.Length ?? 0, ScalarType.Float32, batch.Ids.device);
            var all = Own(cat([ofPrefix, real ?? ones(batch.Rows, tokens, ScalarType.Float32, batch.Ids.device)], 1));
            masks.Add((prefix?.Mask, real, all));
            return all;
        }
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
