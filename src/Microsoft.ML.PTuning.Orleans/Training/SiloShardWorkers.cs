using System.Security.Cryptography;

namespace Microsoft.ML.PTuning.Orleans.Training;

/// <summary>What a silo computes shards with, kept for the steps to come. Safe for any number of threads.</summary>
internal sealed class SiloShardWorkers : IDisposable
{
    /// <summary>They are small; each keeps its encoder in memory.</summary>
    private const int MostIdle = 4;

    private readonly MLContext _context = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Worker> _workers = new(StringComparer.Ordinal);
    private long _uses;

    public SiloShardWorkers(PTuningSiloOptions options)
    {
        if (options.BackboneDirectory is { } directory)
            _context.SetPTuningBackboneDirectory(directory);
    }

    /// <exception cref="FormatException">The request is damaged, or of another version of the library.</exception>
    /// <exception cref="InvalidDataException">The values do not fit the training.</exception>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    public byte[] Compute(ShardRequest request)
    {
        var worker = Take(request.Training);
        try
        {
            return worker.Opened.Value.Compute(request.Values, request.Rows).ToArray();
        }
        finally
        {
            GiveBack(worker);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var worker in _workers.Values.Where(worker => worker is { Users: 0, Opened.IsValueCreated: true }))
                worker.Opened.Value.Dispose();
            _workers.Clear();
        }
    }

    private Worker Take(byte[] training)
    {
        var hash = Convert.ToHexString(SHA256.HashData(training));
        lock (_lock)
        {
            if (!_workers.TryGetValue(hash, out var worker))
                _workers[hash] = worker = new Worker(hash, new Lazy<PTuningShardWorker>(() => PTuningShardWorker.Open(_context, training)));
            worker.Users++;
            worker.LastUse = ++_uses;
            return worker;
        }
    }

    private void GiveBack(Worker worker)
    {
        lock (_lock)
        {
            worker.Users--;
            var idle = _workers.Values.Where(other => other.Users == 0).OrderByDescending(other => other.LastUse).ToList();
            // One that could not be opened is tried again by the next shard.
            foreach (var old in idle.Where((other, i) => i >= MostIdle || !other.Opened.IsValueCreated))
            {
                _workers.Remove(old.Hash);
                if (old.Opened.IsValueCreated)
                    old.Opened.Value.Dispose();
            }
        }
    }

    private sealed record Worker(string Hash, Lazy<PTuningShardWorker> Opened)
    {
        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}
