using System.Text.Json;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>What trainings on the same rows share, as the trials of a sweep: the encoder, the rows' tokens, and the cached output of the trunk.</summary>
/// <remarks>
/// For one training after another, not for several at a time. A training that shares computes the same bits as one that does not. Another encoder
/// starts anew, so only one is held. One trunk's output is held, until a training with another trunk begins, and one encoding of each data.
/// </remarks>
internal sealed class SharedRows : IDisposable
{
    private static readonly JsonSerializerOptions Json = StateJson.Options();

    private readonly Dictionary<IDataView, (string Encoding, ExampleSet Rows)> _rows = []; // As the last training encoded them.
    private BackboneLease? _encoder;
    private (TrunkKey Key, TrunkCache Cache)? _trunk;

    /// <summary>Holds a training's encoder, so that the next one finds it loaded.</summary>
    public void Hold(BackboneLease encoder)
    {
        if (_encoder?.Backbone == encoder.Backbone)
            return;

        Dispose();
        _encoder = encoder.Share();
    }

    /// <summary>Rows that the training before has encoded alike, or <paramref name="read"/> encodes now.</summary>
    public ExampleSet Read(IDataView data, PromptTask task, Func<ExampleSet> read)
    {
        var encoding = JsonSerializer.Serialize(task.ForEncoding, Json);
        if (_rows.TryGetValue(data, out var known) && known.Encoding == encoding)
            return known.Rows;

        _rows.Remove(data);
        var rows = read();
        _rows.Add(data, (encoding, rows));
        return rows;
    }

    /// <summary>The trunk's output for a task's rows, computed now or by an earlier training. It stays with this object.</summary>
    /// <inheritdoc cref="TrunkCache.Create" path="/returns"/>
    /// <inheritdoc cref="TrunkCache.Create" path="/exception"/>
    public TrunkCache? CacheTrunk(TrainingTask task, TrainingSettings settings, int padId, Device device)
    {
        var encoder = task.Network.Encoder;
        var key = new TrunkKey(task.Training, task.Validation, encoder.TrunkLayers, encoder.ReservedPositions, settings.TrunkCache);
        if (_trunk is { } kept && kept.Key != key)
        {
            kept.Cache.Dispose();
            _trunk = null;
        }
        var cache = TrunkCache.Create([task], settings.MaxEpochs, settings, padId, device, _trunk?.Cache);
        if (cache is not null)
            _trunk = (key, cache);
        return cache;
    }

    public void Dispose()
    {
        _rows.Clear();
        _trunk?.Cache.Dispose();
        _encoder?.Dispose();
        (_trunk, _encoder) = (null, null);
    }

    /// <summary>What the output of a trunk depends on, besides the encoder.</summary>
    private sealed record TrunkKey(ExampleSet Training, ExampleSet? Validation, int Layers, int ReservedPositions, TrunkCacheSettings? Settings);
}
