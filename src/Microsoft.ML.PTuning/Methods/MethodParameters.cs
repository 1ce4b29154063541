using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>First values of trained tensors, of a method or of a head.</summary>
/// <param name="Weight">Initialises weights.</param>
/// <param name="Bias">Initialises biases.</param>
/// <param name="Values">Trained tensors to start from, by name; what is not among them is initialised. They stay the caller's.</param>
/// <param name="ProjectionSize">Size of the reparameterisation, m; 0 for none.</param>
internal sealed record FirstValues(Initializer Weight, Initializer Bias, TrainedTensors? Values = null, int ProjectionSize = 0)
{
    /// <summary>The given values of a tensor, or an initialiser's.</summary>
    public Initializer Of(string name, Initializer otherwise) =>
        Values?.Contains(name) == true ? shape => Values[name].detach().reshape(shape).clone() : otherwise;
}

/// <summary>What a method trains, and how its saved tensors follow from it.</summary>
/// <remarks>Training ends with the values, and the parameters are thrown away.</remarks>
internal abstract class MethodParameters : IDisposable
{
    /// <summary>Of methods that train nothing but the head.</summary>
    public static MethodParameters None { get; } = new DirectParameters(new Dictionary<string, Tensor>());

    /// <summary>The trained tensors.</summary>
    public abstract IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>The saved tensors by name, differentiable in <see cref="Parameters"/>. Computed once per step, never per row.</summary>
    public abstract IReadOnlyDictionary<string, Tensor> Values();

    public void Dispose()
    {
        foreach (var parameter in Parameters)
            parameter.Dispose();
    }
}

/// <summary>The saved tensors themselves are trained.</summary>
internal sealed class DirectParameters(IReadOnlyDictionary<string, Tensor> tensors) : MethodParameters
{
    public override IReadOnlyList<Tensor> Parameters { get; } = [.. tensors.Values];

    public override IReadOnlyDictionary<string, Tensor> Values() => tensors;
}
