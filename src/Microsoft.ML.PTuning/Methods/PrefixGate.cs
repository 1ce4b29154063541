using Microsoft.ML.PTuning.Backbones.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>A trained factor per layer and head on the attention that a prefix gets: <c>g · exp(q·k)</c> in place of <c>exp(q·k)</c>.</summary>
/// <remarks>
/// It starts at 0, so the first step computes what the encoder computes without a prefix, as the zero-initialised attention of LLaMA-Adapter does
/// (Zhang et al. 2023). Here it is inside the softmax. A gate below 0 is closed, too, but keeps the gradient it has at 0, so that it can open again.
/// </remarks>
internal static class PrefixGate
{
    // Beside a text's key, a closed prefix has a weight far below F32's precision, and its gradient is still a number of F32 and BF16.
    private static readonly Scalar Closed = 1e-30;

    /// <summary>What is added to the scores of the prefix's keys: log g.</summary>
    /// <param name="gates">Of any shape.</param>
    public static Tensor Log(Tensor gates)
    {
        var open = gates.detach().clamp_min(Closed);
        var change = gates.Plus(gates.detach().neg());                        // 0, with the gradient of the gates.
        return open.log().Plus(change.div(open));
    }
}
