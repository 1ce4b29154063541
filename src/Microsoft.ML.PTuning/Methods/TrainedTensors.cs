using System.Collections;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>All trained tensors by their saved names: <c>prefix</c>, <c>prompt</c>, <c>backbone.*</c>, <c>head.*</c>, <c>pooler.*</c>. Owns them.</summary>
internal sealed class TrainedTensors : IEnumerable<KeyValuePair<string, Tensor>>, IDisposable
{
    /// <summary>Name of the prefix, <c>[P, L', 2, h, D]</c>.</summary>
    public const string Prefix = "prefix";

    /// <summary>Name of the gates of a prefix, <c>[L', h]</c>.</summary>
    public const string PrefixGate = "prefix_gate";

    /// <summary>Name of a prompt among the tokens, <c>[P, E]</c>.</summary>
    public const string Prompt = "prompt";

    /// <summary>Name of a trained tensor that replaces one of the encoder's.</summary>
    /// <param name="key">The key of that tensor, as its family declares it.</param>
    public static string OfBackbone(string key) => $"backbone.{key}";

    /// <summary>Name of the first matrix of a low-rank change, <c>[r, from]</c>; after the prefix it is PEFT's.</summary>
    /// <param name="module">The linear layer that is changed, as its family calls it.</param>
    public static string LowRankA(string module) => OfBackbone($"{module}.lora_A.weight");

    /// <summary>Name of the second matrix, <c>[to, r]</c>.</summary>
    public static string LowRankB(string module) => OfBackbone($"{module}.lora_B.weight");

    private readonly SortedDictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    public Tensor this[string name] => _tensors[name];

    public IEnumerable<string> Names => _tensors.Keys;

    /// <summary>How many numbers there are.</summary>
    public long ElementCount => _tensors.Values.Sum(t => t.numel());

    /// <summary>Their size in F32.</summary>
    public long Bytes => 4 * ElementCount;

    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <summary>Takes over <paramref name="tensor"/> from its dispose scope.</summary>
    public void Add(string name, Tensor tensor) => _tensors.Add(name, tensor.DetachFromDisposeScope());

    /// <summary>The same storage as leaves with gradients of their own, for one shard of a batch.</summary>
    public TrainedTensors ToLeaves() => Map((_, t) => t.detach().requires_grad_());

    /// <summary>A copy, without gradients, that later steps do not change.</summary>
    public TrainedTensors Copy() => Map((_, t) => t.detach().clone());

    /// <summary>The same values on another device, without gradients.</summary>
    public TrainedTensors To(Device device) => Map((_, t) => t.detach().to(device));

    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => _tensors.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
    }

    /// <summary>Tensors of the same names.</summary>
    /// <param name="change">Makes a tensor of each name and tensor.</param>
    public TrainedTensors Map(Func<string, Tensor, Tensor> change)
    {
        using var scope = NewDisposeScope();
        var mapped = new TrainedTensors();
        foreach (var (name, tensor) in _tensors)
            mapped.Add(name, change(name, tensor));
        return mapped;
    }
}
