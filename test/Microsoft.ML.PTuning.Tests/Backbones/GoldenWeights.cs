using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>The weights of a golden file in one type.</summary>
/// <param name="read">A weight outside the encoder, by its name in the checkpoint.</param>
internal sealed class GoldenWeights(Backbone backbone, Func<string, Tensor> read) : IDisposable
{
    private readonly Dictionary<string, Tensor> _read = [];

    public Backbone Backbone { get; } = backbone;

    /// <summary>A weight outside the encoder, the same at every call.</summary>
    public Tensor this[string name]
    {
        get
        {
            if (!_read.TryGetValue(name, out var weight))
                _read[name] = weight = read(name).DetachFromDisposeScope();
            return weight;
        }
    }

    public void Dispose()
    {
        Backbone.Dispose();
        foreach (var weight in _read.Values)
            weight.Dispose();
    }
}
