using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Serving.Diagnostics;

namespace Microsoft.ML.PTuning.Serving.Models;

internal sealed partial class ModelStore
{
    /// <summary>Loads an entry's file on a thread of the pool. If that fails, the entry says why, and an older version goes on serving.</summary>
    private async Task LoadAsync(ModelEntry entry)
    {
        await Task.Yield(); // The caller holds the lock.
        await _loads.WaitAsync().ConfigureAwait(false);
        try
        {
            await Task.Run(() => Load(entry)).ConfigureAwait(false);
        }
        finally
        {
            _loads.Release();
            lock (_gate)
            {
                entry.Loading = null;
                if (entry.IsDeleted)
                    Delete(entry);
                else if (entry.Current is { } version)
                    Rest(version);
            }
        }
    }

    private void Load(ModelEntry entry)
    {
        FileStamp stamp;
        lock (_gate)
            stamp = entry.Stamp; // Seen before the file is opened, so that a newer version is noticed later.

        using var activity = ServingActivities.StartLoad(entry.Name);
        var start = Stopwatch.GetTimestamp();
        long reserved = 0;
        try
        {
            if (stamp.Length == 0)
                throw new InvalidDataException("The file is empty, or no regular file."); // Opening a FIFO would wait for a writer.
            using var file = files.Open(entry.Name);
            if (file is null)
            {
                lock (_gate)
                    entry.IsDeleted = true;
                return;
            }
            var bytes = ModelLoader.TensorBytesOf(file);
            if (bytes > options.Value.TensorBudgetBytes)
                throw new InvalidDataException(
                    $"Its tensors take {bytes} bytes, more than all models may take together, {options.Value.TensorBudgetBytes} (TensorBudgetBytes).");
            Reserve(bytes);
            reserved = bytes;

            var model = loader.Load(entry.Name, file, stamp, bytes);
            var isReplacement = Publish(entry, model);
            metrics.EndLoad(start, isReplacement, failure: null);
            LogLoaded(entry.Name, bytes, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            bool isReplacement;
            lock (_gate)
            {
                Count(0, -reserved);
                entry.Failure = new LoadFailure(stamp, e.Message, time.GetTimestamp());
                isReplacement = entry.Current is not null;
            }
            metrics.EndLoad(start, isReplacement, e);
            if (isReplacement)
                LogReplacementRefused(entry.Name, e);
            else
                LogRefused(entry.Name, e);
        }
    }

    private void Reserve(long tensorBytes)
    {
        lock (_gate)
        {
            Count(0, tensorBytes);
            MakeRoom();
        }
    }

    /// <summary>Puts a loaded model in the place of the version before; rows that are on their way are finished with that one.</summary>
    /// <returns>Whether there was a version before.</returns>
    private bool Publish(ModelEntry entry, LoadedModel model)
    {
        lock (_gate)
        {
            var predictor = Take(entry.Name, model);
            var before = entry.Current;
            entry.Current = new ModelVersion(entry, model, predictor);
            entry.Failure = null;
            Count(1, 0);
            if (before is null)
                return false;

            _idle.Remove(before);
            Count(-1, -before.Model.TensorBytes);
            if (before.Leases == 0)
                Forget(before);
            return true;
        }
    }

    private PTuningV2MultiTaskPredictor Take(string name, LoadedModel model)
    {
        try
        {
            var predictor = predictors.For(model.EncoderDirectory);
            predictor.Set(name, model.Whole);
            return predictor;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Loaded the model '{Model}': {TensorBytes} bytes of tensors in {Milliseconds:F0} ms.")]
    private partial void LogLoaded(string model, long tensorBytes, double milliseconds);

    [LoggerMessage(2, LogLevel.Information, "Unloaded the model '{Model}' ({TensorBytes} bytes of tensors) to stay within {Budget} bytes.")]
    private partial void LogUnloaded(string model, long tensorBytes, long budget);

    [LoggerMessage(3, LogLevel.Information, "The file of the model '{Model}' was deleted; it is no longer served.")]
    private partial void LogDeleted(string model);

    [LoggerMessage(4, LogLevel.Error, "The file of the model '{Model}' cannot be loaded.")]
    private partial void LogRefused(string model, Exception exception);

    [LoggerMessage(5, LogLevel.Error, "The new file of the model '{Model}' cannot be loaded; the version before goes on serving.")]
    private partial void LogReplacementRefused(string model, Exception exception);
}
