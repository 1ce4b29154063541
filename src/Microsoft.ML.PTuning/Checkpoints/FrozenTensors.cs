using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>The tensors of a frozen encoder, under the names that its family declares. Owns them; none requires a gradient.</summary>
internal sealed class FrozenTensors : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors;
    private readonly IReadOnlyList<FileLease> _leases;
    private readonly Dictionary<string, OrderedWeight> _ordered = [];

    private FrozenTensors(Dictionary<string, Tensor> tensors, ScalarType type, IReadOnlyList<FileLease> leases) =>
        (_tensors, ElementType, _leases) = (tensors, type, leases);

    /// <summary>No tensors.</summary>
    public static FrozenTensors None { get; } = new([], ScalarType.Float32, []);

    /// <summary>The type of all of them.</summary>
    public ScalarType ElementType { get; }

    /// <summary>A tensor that the family declares; an optional one only where <see cref="Has"/> says so.</summary>
    public Tensor this[string name] => _tensors[name];

    public IEnumerable<string> Names => _tensors.Keys;

    /// <summary>How many numbers there are.</summary>
    public long ElementCount => _tensors.Values.Sum(t => t.numel());

    /// <summary>The first tensor with a number that is NaN or infinite; null if all are finite. Reads all of them.</summary>
    public string? FindNotFinite()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        return _tensors.FirstOrDefault(pair => !pair.Value.isfinite().all().item<bool>()).Key;
    }

    public bool Has(string name) => _tensors.ContainsKey(name);

    /// <summary>A linear layer's weight for faster products; null in an encoder too large for copies.</summary>
    public OrderedWeight? OrderedOf(string name)
    {
        if (ElementCount * ElementType.ElementSize() > OrderedWeight.MostBytes)
            return null;
        if (!_ordered.TryGetValue(name, out var ordered))
            _ordered.Add(name, ordered = new OrderedWeight(_tensors[name]));
        return ordered;
    }

    /// <summary>Loads what a family declares, all of it and nothing else.</summary>
    /// <param name="names">The prefix of keys, and the other tensors that are allowed.</param>
    /// <param name="device">The device of the tensors; on the CPU, mapped tensors of that type stay mapped.</param>
    /// <param name="type">The type of the tensors.</param>
    /// <exception cref="InvalidDataException">Tensors are missing, unknown, or of another shape or type; the message names every one.</exception>
    public static FrozenTensors Load(
        ICheckpoint checkpoint, CheckpointNames names, IReadOnlyList<TensorDeclaration> declared, Device device, ScalarType type = ScalarType.Float32) =>
        LoadKeys(checkpoint, CheckpointKeys.Match(checkpoint, names, declared), device, type);

    /// <summary>Loads what is declared, whatever else is there.</summary>
    /// <inheritdoc cref="Load"/>
    public static FrozenTensors LoadPart(ICheckpoint checkpoint, IReadOnlyList<TensorDeclaration> declared, Device device, ScalarType type) =>
        LoadKeys(checkpoint, CheckpointKeys.Find(checkpoint, declared), device, type);

    public void Dispose()
    {
        foreach (var lease in _leases)
            lease.Dispose();
        foreach (var ordered in _ordered.Values)
            ordered.Dispose();
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
    }

    private static FrozenTensors LoadKeys(ICheckpoint checkpoint, Dictionary<string, string> keys, Device device, ScalarType type)
    {
        // Scoped, so that a failure half-way frees what was loaded; outside inference mode, whose tensors autograd would refuse later.
        using var scope = NewDisposeScope();
        using var ordinary = inference_mode(false);
        var tensors = keys.ToDictionary(pair => pair.Key, pair => Place(checkpoint.Load(pair.Value, type), device, type));
        foreach (var tensor in tensors.Values)
            tensor.DetachFromDisposeScope();

        // Of another type than the file's, or on another device, they are copies.
        var loaded = keys.Values.ToHashSet();
        var areViews = device.type == DeviceType.CPU && checkpoint.Tensors.Any(entry => entry.ElementType == type && loaded.Contains(entry.Name));
        return new(tensors, type, areViews ? [.. checkpoint.Leases.Select(lease => lease.Share())] : []);
    }

    // Casts on the CPU, so that only the final type goes to the device; one by one, so that no two copies of an encoder are in memory.
    private static Tensor Place(Tensor read, Device device, ScalarType type)
    {
        using (read)
        using (var cast = read.to(type))
            return cast.to(device);
    }
}
