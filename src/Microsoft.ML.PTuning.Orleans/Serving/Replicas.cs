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
            if (!_rows.TryGetValue(model, out var rows))
                _rows[model] = rows = new int[options.MaxReplicas];
            var free = Array.FindIndex(rows, count => count < options.RowsPerReplica);
            var replica = free >= 0 ? free : Array.IndexOf(rows, rows.Min());
            rows[replica]++;
            return replica;
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
}
