using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>First values of a trained tensor.</summary>
internal delegate Tensor Initializer(params long[] shape);

/// <summary>The initialisers of the official code: N(0, 0.02) for weights, prefix and reparameterisation, 0 for biases.</summary>
internal static class Initializers
{
    /// <summary>The <c>initializer_range</c> of BERT and its relatives.</summary>
    public const double StandardDeviation = 0.02;

    public static Initializer Normal(Generator generator, double deviation = StandardDeviation) =>
        shape => empty(shape).normal_(0, deviation, generator);

    public static Initializer Zero => shape => zeros(shape);
}
