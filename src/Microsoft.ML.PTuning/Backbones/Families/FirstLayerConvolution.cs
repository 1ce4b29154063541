using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>The convolution over the embeddings that the larger DeBERTa v2 encoders add to the output of their first layer.</summary>
internal sealed class FirstLayerConvolution(FrozenTensors tensors, DebertaConfiguration configuration, ConvolutionConfiguration convolution)
{
    private const string Kernel = "encoder.conv.conv", Norm = "encoder.conv.LayerNorm";

    private readonly Tensor _weight = tensors[$"{Kernel}.weight"];  // [H, H / groups, kernel size]
    private readonly Tensor _bias = tensors[$"{Kernel}.bias"];      // [H]
    private readonly FrozenLayerNorm _norm = FrozenLayerNorm.Of(tensors, Norm, configuration.LayerNormEpsilon);
    private readonly Func<Tensor, Tensor> _activation = Activation.Named(convolution.Activation);

    public static IEnumerable<TensorDeclaration> Declare(ConvolutionConfiguration convolution, int hidden) =>
    [
        new($"{Kernel}.weight", [hidden, hidden / convolution.Groups, convolution.KernelSize]),
        new($"{Kernel}.bias", [hidden]),
        .. TensorDeclaration.LayerNorm(Norm, hidden),
    ];

    /// <param name="embedded">The first layer's input, 0 at padding, <c>[B, T, H]</c>.</param>
    /// <param name="output">The first layer's output: all tokens or the first ones, <c>[B, Q, H]</c>.</param>
    /// <param name="real">1 at a token, 0 at padding, <c>[B, T, 1]</c>; null where no row is padded.</param>
    /// <returns>The second layer's input, <c>[B, Q, H]</c>.</returns>
    public Tensor Forward(Tensor embedded, Tensor output, Tensor? real, WeightChanges? changes, Dropout? dropout)
    {
        using var scope = NewDisposeScope();
        var tokens = output.size(1);
        real = real?.narrow(1, 0, tokens);
        var type = TypeOn(embedded.device, embedded.dtype);
        var convolved = functional.conv1d(
            embedded.transpose(1, 2).to(type), _weight.Under(changes).to(type), _bias.Under(changes).to(type),
            padding: convolution.KernelSize / 2, groups: convolution.Groups).transpose(1, 2);
        var added = _activation(convolved.narrow(1, 0, tokens).to(embedded.dtype).Masked(real).Drop(dropout));
        return _norm.Forward(output.Plus(added), changes).Masked(real).MoveToOuterDisposeScope();
    }

    /// <summary>F32 on the CPU: PyTorch 2.10 computes convolutions in BF16 wrongly on some processors (AMD Zen 5, 8 channels, off by a third).</summary>
    private static ScalarType TypeOn(Device device, ScalarType type) =>
        device.type == DeviceType.CPU && type != ScalarType.Float64 ? ScalarType.Float32 : type;
}
