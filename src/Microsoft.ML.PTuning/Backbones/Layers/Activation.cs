using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Activations, by their names in <c>hidden_act</c> and similar keys.</summary>
internal static class Activation
{
    /// <summary>The name of GELU without an approximation.</summary>
    public const string Gelu = "gelu";

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        [Gelu] = x => functional.gelu(x),
        ["gelu_new"] = TanhGelu,
        ["gelu_fast"] = TanhGelu,
        ["gelu_pytorch_tanh"] = TanhGelu,
        ["relu"] = x => functional.relu(x),
        ["silu"] = x => functional.silu(x),
        ["tanh"] = x => x.tanh(),
    };

    /// <summary>The supported names.</summary>
    public static IReadOnlyCollection<string> Names => Functions.Keys;

    /// <param name="name">One of <see cref="Names"/>.</param>
    public static Func<Tensor, Tensor> Named(string name) => Functions[name];

    /// <summary>GELU with the tanh approximation (Hendrycks &amp; Gimpel 2016); the three names differ in their code, not in their formula.</summary>
    private static Tensor TanhGelu(Tensor x) => functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh);
}
