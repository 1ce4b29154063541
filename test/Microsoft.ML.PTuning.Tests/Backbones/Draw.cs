using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Numbers from the standard normal distribution, the same in every run: torch's own generator may start anywhere.</summary>
internal sealed class Draw
{
    private readonly Generator _generator = new(1);

    public Tensor Normal(params long[] shape) => randn(shape, generator: _generator);
}
