namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Says which replica of a model gets the next row of this client. Safe for any number of threads.</summary>
internal sealed class Replicas(PTuningClusterOptions options)
{
    private readonly Dictionary<string, int[]> _rows = new(StringComparer.Ordinal); // On their way, by replica; of models that have any.

    /// <summary>The first replica that is not busy; if all are, the least busy one. <see cref="GiveBack"/> ends it.</summary>
    public int Take(string model)
    {
        lock (_rows)
        {
            var rows = Of(model);
            var free = Array.FindIndex(rows, count => count < options.RowsPerReplica);
            var replica = free >= 0 ? free : Array.IndexOf(rows, rows.Min());
            rows[replica]++;
            return replica;
        }
    }

    /// <summary>Another replica than one that is full; the same one if there is none.</summary>
    public int TakeNext(string model, int full)
    {
        lock (_rows)
        {
            GiveBack(model, full);
            var next = (full + 1) % options.MaxReplicas;
            Of(model)[next]++;
            return next;
        }
    }

    public void GiveBack(string model, int replica)
    {
        lock (_rows)
        {
            var rows = _rows[model];
            rows[replica]--;
            if (rows.All(count => count == 0))
                _rows.Remove(model);
        }
    }

    private int[] Of(string model) => _rows.TryGetValue(model, out var rows) ? rows : _rows[model] = new int[options.MaxReplicas];
}
