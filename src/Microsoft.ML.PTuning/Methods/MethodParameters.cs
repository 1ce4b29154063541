using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>First values of the trained tensors of a method or a head.</summary>
/// <param name="Weight">Initialises weights.</param>
/// <param name="Bias">Initialises biases.</param>
/// <param name="Values">Trained tensors to start from, by name; others are initialised. The caller keeps and disposes them.</param>
/// <param name="ProjectionSize">Size of the reparameterisation, m; 0 for none.</param>
internal sealed record FirstValues(Initializer Weight, Initializer Bias, TrainedTensors? Values = null, int ProjectionSize = 0)
{
    /// <summary>Token ids of the words that a prompt begins with; null for random vectors.</summary>
    public IReadOnlyList<int>? Words { get; init; }

    /// <summary>Training rows that a prefix begins with; null for none.</summary>
    public IReadOnlyList<EncodedRow>? Examples { get; init; }

    /// <summary>Token ids that stand in every row, or that a verbalizer reads: no search tries them.</summary>
    public IReadOnlySet<int> FixedWords { get; init; } = new HashSet<int>();

    /// <summary>Initialises the layers of a network with the spread of PyTorch's own initialisers, variance 1 / (3 · inputs).</summary>
    public Initializer ByFanIn => shape => Scaled(Weight, 1 / Math.Sqrt(3 * shape[^1]))(shape);

    /// <summary>An initialiser of N(0, 0.02) with another deviation.</summary>
    public static Initializer Scaled(Initializer weight, double deviation) =>
        shape => weight(shape).Times(deviation / Initializers.StandardDeviation);

    /// <summary>The given values of a tensor, or an initialiser's.</summary>
    public Initializer Of(string name, Initializer otherwise) =>
        Values?.Contains(name) == true ? shape => Values[name].detach().reshape(shape).clone() : otherwise;
}

/// <summary>What a method trains, and how its saved tensors are computed from it.</summary>
/// <remarks>After training the values are saved and the parameters dropped.</remarks>
internal abstract class MethodParameters : IDisposable
{
    /// <summary>No parameters, for methods that train the head only.</summary>
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

    /// <summary>A single tensor.</summary>
    public static DirectParameters Of(string name, Tensor tensor) => new(new Dictionary<string, Tensor> { [name] = tensor });

    public override IReadOnlyDictionary<string, Tensor> Values() => tensors;
}
