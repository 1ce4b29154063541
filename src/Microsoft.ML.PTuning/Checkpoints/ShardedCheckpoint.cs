using System.Text;
using Microsoft.ML.PTuning.Formats;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Tensors of several files, with an index that names the file of each tensor. One thread at a time.</summary>
internal sealed class ShardedCheckpoint : ICheckpoint
{
    private readonly Dictionary<string, ICheckpoint> _shards = [];
    private readonly CheckpointIndex _index;

    private ShardedCheckpoint(CheckpointIndex index) => _index = index;

    public string Source => _index.Path;

    public IEnumerable<CheckpointEntry> Tensors => _shards.Values.SelectMany(shard => shard.Tensors);

    public IEnumerable<FileLease> Leases => _shards.Values.SelectMany(shard => shard.Leases);

    /// <summary>Opens every file, and checks that index and files agree.</summary>
    /// <param name="open">Opens one file, by its path.</param>
    /// <exception cref="InvalidDataException">A file is missing or damaged, or holds other tensors than the index says.</exception>
    public static ShardedCheckpoint Open(CheckpointIndex index, Func<string, ICheckpoint> open)
    {
        var checkpoint = new ShardedCheckpoint(index);
        try
        {
            checkpoint.OpenShards(open);
            checkpoint.CheckAgreement();
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    public Tensor Load(string name, ScalarType sixteenBits = ScalarType.Float32) => _index.FileOf.TryGetValue(name, out var file)
        ? _shards[file].Load(name, sixteenBits)
        : throw new InvalidDataException($"'{Source}' names no tensor '{name}'.");

    public void Dispose()
    {
        foreach (var shard in _shards.Values)
            shard.Dispose();
        _shards.Clear();
    }

    private void OpenShards(Func<string, ICheckpoint> open)
    {
        var directory = Path.GetDirectoryName(Source)!;
        var missing = _index.Shards.Where(file => !File.Exists(Path.Combine(directory, file))).ToArray();
        if (missing.Length > 0)
            throw Refuse(missing.Select(file => $"no file: {file}"));

        foreach (var file in _index.Shards)
            _shards.Add(file, open(Path.Combine(directory, file)));
    }

    private void CheckAgreement()
    {
        var held = _shards.SelectMany(shard => shard.Value.Tensors.Select(tensor => (tensor.Name, File: shard.Key))).ToHashSet();
        var faults = _index.FileOf.Where(pair => !held.Contains((pair.Key, pair.Value))).Select(pair => $"not there: {pair.Key} in {pair.Value}")
            .Concat(held.Where(tensor => _index.FileOf.GetValueOrDefault(tensor.Name) != tensor.File)
                .Select(tensor => $"not in the index: {tensor.Name} in {tensor.File}"))
            .ToArray();
        if (faults.Length > 0)
            throw Refuse(faults);
    }

    private InvalidDataException Refuse(IEnumerable<string> faults)
    {
        var message = new StringBuilder($"'{Source}' and the files that it names do not agree:");
        foreach (var fault in faults)
            message.Append("\n  ").Append(fault);
        message.Append("\nFetch the index and all of its files from the same checkpoint.");
        return new(message.ToString());
    }
}
