using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Adam with decoupled weight decay (Loshchilov &amp; Hutter 2019): betas 0.9 and 0.999, epsilon 1e-8.</summary>
/// <remarks>
/// <para>
/// A parameter without a gradient stays as it is. Parameters of one dimension, which are biases and the weights of norms, do not decay: the Trainer of
/// Hugging Face, which the official code uses, leaves them out.
/// </para>
/// <para>
/// It takes plain tensors. TorchSharp's own optimiser takes only <c>Parameter</c>s, which TorchSharp counts as living tensors for ever (the constructor
/// takes the handle of another tensor, which is then never counted as freed).
/// </para>
/// </remarks>
/// <param name="parameters">Leaves with gradients; the caller keeps and disposes them.</param>
internal sealed class AdamW(IReadOnlyList<Tensor> parameters, double weightDecay) : IDisposable
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    // Static, so that they live while native code reads them; see Arithmetic.
    private static readonly Scalar Old1 = Beta1, New1 = 1 - Beta1, Old2 = Beta2, New2 = 1 - Beta2, Tiny = Epsilon, Least = 1e-6, One = 1;

    private readonly Tensor[] _means = [.. parameters.Select(Zeros)];
    private readonly Tensor[] _squares = [.. parameters.Select(Zeros)];

    public IReadOnlyList<Tensor> Parameters { get; } = parameters;

    /// <summary>Steps made.</summary>
    public int Steps { get; set; }

    /// <summary>Everything that steps change, in a fixed order: parameters, means of their gradients, means of the squares.</summary>
    public IEnumerable<Tensor> State => [.. Parameters, .. _means, .. _squares];

    public void ClearGradients()
    {
        using var scope = NewDisposeScope();
        foreach (var parameter in Parameters)
            parameter.grad?.zero_();
    }

    /// <summary>Scales the gradients of all these parameters down so that together they have at most this norm.</summary>
    public static void ClipGradients(IEnumerable<Tensor> parameters, double maxNorm)
    {
        using var scope = NewDisposeScope();
        var gradients = parameters.Select(p => p.grad).OfType<Tensor>().ToArray();
        if (NormOf(gradients) is not { } norm)
            return;

        using Scalar largest = maxNorm;
        norm.add_(Least, One);
        var scale = full_like(norm, largest).div_(norm).clamp_max_(One).to(gradients[0].dtype); // Stays on its device, so that the CPU does not wait.
        foreach (var gradient in gradients)
            gradient.mul_(scale);
    }

    /// <summary>The norm of the gradients of all these parameters together, a scalar of F64; null where there are none.</summary>
    public static Tensor? NormOfGradients(IEnumerable<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        return NormOf([.. parameters.Select(p => p.grad).OfType<Tensor>()])?.MoveToOuterDisposeScope();
    }

    /// <summary>Begins anew: no step has been made.</summary>
    public void Forget()
    {
        using var frozen = no_grad();
        foreach (var tensor in _means.Concat(_squares))
            tensor.zero_();
        Steps = 0;
    }

    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        Steps++;
        var stepSize = learningRate / (1 - Math.Pow(Beta1, Steps));
        var rootCorrection = Math.Sqrt(1 - Math.Pow(Beta2, Steps));
        using Scalar step = -stepSize, correction = rootCorrection, decay = 1 - learningRate * weightDecay;
        for (var i = 0; i < Parameters.Count; i++)
        {
            if (Parameters[i].grad is not { } gradient)
                continue;
            _means[i].mul_(Old1).add_(gradient, New1);
            _squares[i].mul_(Old2).addcmul_(gradient, gradient, New2);
            var root = _squares[i].sqrt().div_(correction).add_(Tiny, One);
            if (Parameters[i].dim() > 1)
                Parameters[i].mul_(decay);
            Parameters[i].addcdiv_(_means[i], root, step);
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _means.Concat(_squares))
            tensor.Dispose();
    }

    private static Tensor? NormOf(Tensor[] gradients) =>
        gradients.Length == 0 ? null : stack(gradients.Select(g => g.norm())).norm().to(ScalarType.Float64);

    private static Tensor Zeros(Tensor like) => zeros_like(like, requires_grad: false).DetachFromDisposeScope();
}
