using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving.Diagnostics;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>The models of a folder: loaded when asked for, unloaded when the budget is used up, replaced and removed as the folder changes.</summary>
/// <remarks>
/// One lock guards the entries and is never held while a file is read. What a call does under it takes constant time, whatever the number of models.
/// </remarks>
internal sealed partial class ModelStore(
    ModelFiles files, ModelLoader loader, Predictors predictors, IOptions<PTuningModelsOptions> options, ServingMetrics metrics, TimeProvider time,
    ILogger<ModelStore> logger)
{
    private readonly object _gate = new();
    private readonly Dictionary<string, ModelEntry> _entries = new(StringComparer.Ordinal);
    private readonly IdleModels _idle = new();
    private readonly SemaphoreSlim _loads = new(Math.Clamp(Environment.ProcessorCount, 1, 4)); // Loading computes hashes and takes memory of its own.
    private long _tensorBytes; // Of loaded models, and of those that are being loaded.
    private int _loaded;
    private bool _isChanged;

    public IReadOnlyList<PTuningModel> List()
    {
        List<PTuningModel> models;
        lock (_gate)
            models = [.. _entries.Values.Where(entry => !entry.IsDeleted).Select(Describe)];
        models.Sort((one, other) => string.CompareOrdinal(one.Name, other.Name));
        return models;
    }

    /// <summary>The model under a name, loaded once for all that ask at the same time.</summary>
    /// <exception cref="PTuningModelNotFoundException">There is no such file.</exception>
    /// <exception cref="PTuningModelUnavailableException">The file cannot be loaded.</exception>
    public async ValueTask<ModelLease> LeaseAsync(string name, CancellationToken cancellationToken)
    {
        ModelEntry? waited = null;
        while (true)
        {
            Task loading;
            lock (_gate)
            {
                if (waited is not null)
                    waited.Waiting--;
                if (waited is { IsDeleted: true })
                    Delete(waited);
                waited = null;
                if (!_entries.TryGetValue(name, out var entry) || entry.IsDeleted)
                    throw new PTuningModelNotFoundException(name);
                if (entry.Current is { } version)
                    return Lease(version);
                if (entry.IsRefused && time.GetElapsedTime(entry.Failure!.At) < options.Value.PollInterval)
                    throw new PTuningModelUnavailableException(name, entry.Failure.Reason);

                loading = entry.Loading ??= LoadAsync(entry);
                entry.Waiting++;
                waited = entry;
            }
            try
            {
                await loading.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                lock (_gate)
                    EndWait(waited);
                throw;
            }
        }
    }

    /// <summary>Ends a lease.</summary>
    public void Release(ModelVersion version)
    {
        lock (_gate)
        {
            version.Leases--;
            Rest(version);
        }
    }

    /// <summary>About how long a row that comes now waits until it is computed; zero if the model is not loaded.</summary>
    public TimeSpan ExpectedWait(string name)
    {
        PTuningV2MultiTaskPredictor? predictor;
        lock (_gate)
            predictor = _entries.GetValueOrDefault(name)?.Current?.Predictor;
        return predictor?.ExpectedWait ?? TimeSpan.Zero;
    }

    /// <summary>Whether models were loaded or unloaded since the last call.</summary>
    public bool TakeChange()
    {
        lock (_gate)
        {
            var isChanged = _isChanged;
            _isChanged = false;
            return isChanged;
        }
    }

    /// <summary>Whether another version has taken the place of a leased one, and may have answered under its name.</summary>
    public bool AnyReplaced(IEnumerable<ModelLease> leases)
    {
        lock (_gate)
            return leases.Any(lease => !lease.Version.IsCurrent);
    }

    /// <summary>Takes the state of the folder over: new and deleted files, and newer versions, which are loaded beside those that serve.</summary>
    /// <returns>The time until a newer version has been there for long enough to be loaded; null if there is none.</returns>
    public TimeSpan? Update(IReadOnlyDictionary<string, FileStamp> listed)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            foreach (var (name, stamp) in listed)
            {
                if (!_entries.TryGetValue(name, out var entry))
                    _entries[name] = entry = new ModelEntry(name);
                entry.See(stamp, now);
            }
            foreach (var entry in _entries.Values.Where(entry => !listed.ContainsKey(entry.Name)).ToArray())
                Delete(entry);
            metrics.SetListed(listed.Count);

            TimeSpan? next = null;
            foreach (var entry in _entries.Values.Where(entry => entry.IsOutdated && entry.Loading is null))
            {
                var left = options.Value.SettleTime - time.GetElapsedTime(entry.Seen, now);
                if (left <= TimeSpan.Zero)
                {
                    _idle.Remove(entry.Current!); // It stays until the new version is there.
                    entry.Loading = LoadAsync(entry);
                }
                else if (next is null || left < next)
                    next = left;
            }
            return next;
        }
    }

    private static PTuningModel Describe(ModelEntry entry) => new()
    {
        Name = entry.Name,
        State = entry.State,
        FileBytes = entry.Stamp.Length,
        Written = entry.Stamp.Written,
        TensorBytes = entry.Current?.Model.TensorBytes,
        Problem = entry.IsRefused ? entry.Failure!.Reason : null,
    };

    // Called under the lock.
    private ModelLease Lease(ModelVersion version)
    {
        _idle.Remove(version);
        version.Leases++;
        return new ModelLease(this, version);
    }

    /// <summary>Ends a wait that was given up. Called under the lock.</summary>
    private void EndWait(ModelEntry entry)
    {
        entry.Waiting--;
        if (entry.IsDeleted)
            Delete(entry);
        else if (entry.Current is { } version)
            Rest(version);
    }

    /// <summary>Puts a version that nobody uses where it belongs. Called under the lock.</summary>
    private void Rest(ModelVersion version)
    {
        var entry = version.Entry;
        if (version.Leases > 0 || (version.IsCurrent && (entry.Waiting > 0 || entry.Loading is not null)))
            return;

        if (!version.IsCurrent)
            Forget(version);
        else if (entry.IsDeleted)
            Delete(entry);
        else
        {
            _idle.Add(version);
            MakeRoom();
        }
    }

    /// <summary>Unloads what was not used for the longest time until the budget holds, or all models are in use. Called under the lock.</summary>
    private void MakeRoom()
    {
        while (_tensorBytes > options.Value.TensorBudgetBytes && _idle.Oldest is { } oldest)
        {
            Unload(oldest);
            metrics.CountUnloaded();
            LogUnloaded(oldest.Entry.Name, oldest.Model.TensorBytes, options.Value.TensorBudgetBytes);
        }
    }

    // Called under the lock.
    private void Unload(ModelVersion version)
    {
        _idle.Remove(version);
        Count(-1, -version.Model.TensorBytes);
        version.Entry.Current = null;
        Forget(version);
    }

    /// <summary>Takes a version out of its predictor, unless a newer one has its name there. Called under the lock.</summary>
    private static void Forget(ModelVersion version)
    {
        if (version.Entry.Current?.Predictor == version.Predictor)
            return;
        try
        {
            version.Predictor.Remove(version.Entry.Name);
        }
        catch (ObjectDisposedException) // The application shuts down.
        {
        }
    }

    // Called under the lock.
    private void Delete(ModelEntry entry)
    {
        entry.IsDeleted = true;
        if (entry.Loading is not null || entry.Waiting > 0 || entry.Current is { Leases: > 0 })
            return; // Called again when they end.

        if (entry.Current is { } version)
            Unload(version);
        _entries.Remove(entry.Name);
        LogDeleted(entry.Name);
    }

    // Called under the lock.
    private void Count(int models, long tensorBytes)
    {
        _isChanged |= models != 0;
        _loaded += models;
        _tensorBytes += tensorBytes;
        metrics.SetLoaded(_loaded, _tensorBytes);
    }
}
