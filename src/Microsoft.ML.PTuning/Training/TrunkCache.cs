using System.Diagnostics;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>How the trunk's output is cached between epochs.</summary>
/// <param name="MemoryBytes">The largest size in memory; a larger cache goes to a temporary file.</param>
/// <param name="Type">F32 or F16.</param>
internal sealed record TrunkCacheSettings(long MemoryBytes, ScalarType Type)
{
    /// <summary>Where the file is made.</summary>
    public string Folder { get; init; } = Path.GetTempPath();

    /// <summary>Memory that the process may use, its limit where it has one.</summary>
    public long AvailableBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
}

/// <summary>The trunk's output, computed once for every sequence of the data. Epochs then run only the tuned layers.</summary>
/// <remarks>
/// Training changes nothing below the first tuned layer, so the input of that layer is the same in every epoch. Liu et al. 2021 ("AutoFreeze") also
/// cache the activations of frozen layers. Rows are stored one after the other without padding, in CPU memory or a file, even if the encoder is on a
/// GPU. Safe for any number of threads.
/// </remarks>
internal sealed class TrunkCache : ITrunkCache, IDisposable
{
    private readonly Device _device;
    private readonly Dictionary<EncodedRow, long> _starts;
    private readonly long _tokens;
    private readonly TrunkFile? _file;
    private readonly Tensor _states; // [tokens + 1, H]; the last row is padding, 0

    private TrunkCache(Dictionary<EncodedRow, long> starts, long tokens, int hidden, bool inFile, TrunkCacheSettings settings, Device device)
    {
        (_starts, _tokens, _device) = (starts, tokens, device);
        Bytes = SizeOf(tokens, hidden, settings);
        _file = inFile ? new TrunkFile(settings.Folder, settings.Type, tokens + 1, hidden) : null;
        _states = _file?.Tensor ?? zeros(tokens + 1, hidden, settings.Type).DetachFromDisposeScope();
    }

    /// <summary>Its size in memory or in the file.</summary>
    public long Bytes { get; }

    /// <summary>How long it took to compute, for this training.</summary>
    public TimeSpan FillTime { get; private set; }

    /// <summary>Computes the trunk's output for the training and validation rows of tasks, if caching it saves time.</summary>
    /// <param name="tasks">One, or those that share a prefix.</param>
    /// <param name="epochs">How often the rows are read. A single epoch saves nothing: every row runs through the trunk once in any case.</param>
    /// <param name="before">The same trunk's output for the same rows, of an earlier training; it is returned if there is to be a cache.</param>
    /// <returns>
    /// Null if every epoch computes it again: there is no trunk, dropout changes its output, a decoder reads other tokens than the text's, caching is off,
    /// takes more time (<see cref="TrunkCosts"/>), or there is no room.
    /// </returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static TrunkCache? Create(
        IReadOnlyList<TrainingTask> tasks, long epochs, TrainingSettings settings, int padId, Device device, TrunkCache? before = null)
    {
        var encoder = tasks[0].Network.Encoder;
        if (settings.TrunkCache is not { } cacheSettings || settings.ShardComputer is not null || encoder.TrunkLayers == 0 || settings.BackboneDropout > 0 || epochs == 1
            || !encoder.Backbone.HasStatePerToken || tasks.Any(task => task.Task.Writer is not null))
        {
            return null;
        }

        var time = Stopwatch.StartNew();
        var (starts, tokens) = Starts(tasks.SelectMany(Rows));
        var shape = encoder.Backbone.Configuration;
        var costs = TrunkCosts.Of(SizeOf(tokens, shape.HiddenSize, cacheSettings), tokens, Operations(shape, encoder.TrunkLayers), settings.Shards, device);
        var place = costs.Place(cacheSettings.MemoryBytes, cacheSettings.AvailableBytes, epochs);
        if (place == TrunkPlace.Nowhere)
        {
            settings.Log($"The lower {encoder.TrunkLayers} layers, which have no prefix, are computed in every epoch: their output, {Megabytes(costs.Bytes)}, "
                + "is too large for memory, and reading it from a file takes longer.");
            return null;
        }
        if (before is not null)
        {
            before.FillTime = TimeSpan.Zero;
            settings.Log($"The output of the lower {encoder.TrunkLayers} layers, which have no prefix, is that of the training before.");
            return before;
        }

        TrunkCache cache;
        try
        {
            cache = new TrunkCache(starts, tokens, shape.HiddenSize, place == TrunkPlace.File, cacheSettings, device);
        }
        catch (IOException e)
        {
            settings.Log($"The lower layers, which have no prefix, are computed in every epoch, not only once: {e.Message}");
            return null;
        }

        try
        {
            settings.Log(cache.Describe(encoder.TrunkLayers, cacheSettings));
            cache.Fill(encoder, padId, settings.CheckCancelled);
            cache.FillTime = time.Elapsed;
            return cache;
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    public Tensor Collate(IReadOnlyList<EncodedRow> rows, int length)
    {
        var indices = new long[rows.Count * length];
        Array.Fill(indices, _tokens);
        for (var row = 0; row < rows.Count; row++)
        {
            var start = _starts[rows[row]];
            for (var t = 0; t < rows[row].Length; t++)
                indices[row * length + t] = start + t;
        }

        using var scope = NewDisposeScope();
        return _states.index_select(0, tensor(indices)).view(rows.Count, length, -1).ToDevice(_device).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _states.Dispose();
        _file?.Dispose();
    }

    /// <summary>The sequences that a task reads in an epoch.</summary>
    private static IEnumerable<EncodedRow> Rows(TrainingTask task) =>
        task.Training.Examples.SelectMany(e => e.Split()).Concat(task.Validation?.Examples ?? [])
            .SelectMany(e => e.Parts).SelectMany(p => p.Sequences);

    private static (Dictionary<EncodedRow, long> Starts, long Tokens) Starts(IEnumerable<EncodedRow> rows)
    {
        var starts = new Dictionary<EncodedRow, long>(ReferenceEqualityComparer.Instance);
        var tokens = 0L;
        foreach (var row in rows)
            if (starts.TryAdd(row, tokens))
                tokens += row.Length;
        return (starts, tokens);
    }

    private static long SizeOf(long tokens, int hidden, TrunkCacheSettings settings) => (tokens + 1) * hidden * settings.Type.ElementSize();

    /// <summary>Multiplications and additions per token, those of attention scores left out.</summary>
    private static double Operations(BackboneConfiguration shape, int layers) =>
        2.0 * layers * shape.HiddenSize * (4.0 * shape.HiddenSize + 2.0 * shape.FeedForwardSize);

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:F1} MB");

    private string Describe(int layers, TrunkCacheSettings settings) =>
        $"The lower {layers} layers, which have no prefix, are computed once for {_starts.Count} sequences and kept: {Megabytes(Bytes)} ({settings.Type}) "
        + (_file is null ? "in memory." : $"in a temporary file in '{settings.Folder}'.");

    private void Fill(PromptedEncoder encoder, int padId, Action checkCancelled)
    {
        EncodedRow[] rows = [.. _starts.Keys];
        var batches = Predictor.Plan([.. rows.Select(r => r.Length)], [.. rows.Select(_ => 1)], _device);
        if (_device.type == DeviceType.CPU)
        {
            WorkerThreads.Shared.Run(batches.Count, FillBatch);
        }
        else
        {
            for (var i = 0; i < batches.Count; i++)
                FillBatch(i);
        }

        void FillBatch(int index)
        {
            checkCancelled();
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            EncodedRow[] batch = [.. batches[index].Select(row => rows[row])];
            var encoded = EncodedRow.Collate(batch, padId, _device) with { BetweenLayers = WorkerThreads.RunUrgent };
            var output = encoder.RunTrunk(encoded); // [B, T, H]
            var cached = (_states.dtype == ScalarType.Float16 ? output.to(ScalarType.Float32).WithinHalf().to(ScalarType.Float16) : output).cpu();
            for (var row = 0; row < batch.Length; row++)
                _states.narrow(0, _starts[batch[row]], batch[row].Length).copy_(cached.select(0, row).narrow(0, 0, batch[row].Length));
        }
    }
}
