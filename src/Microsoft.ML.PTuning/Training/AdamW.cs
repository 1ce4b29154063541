using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Adam with decoupled weight decay (Loshchilov &amp; Hutter 2019): betas 0.9 and 0.999, epsilon 1e-8.</summary>
/// <remarks>
/// Over plain tensors. TorchSharp's own takes <c>Parameter</c>s alone, and each of these stays in TorchSharp's count of living tensors
/// for ever (its constructor takes the handle of another tensor, which is then never counted as freed).
/// </remarks>
/// <param name="parameters">Leaves with gradients; they stay the caller's.</param>
internal sealed class AdamW(IReadOnlyList<Tensor> parameters, double weightDecay) : IDisposable
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    private readonly Tensor[] _means = [.. parameters.Select(Zeros)];
    private readonly Tensor[] _squares = [.. parameters.Select(Zeros)];
    private int _steps;

    public void ClearGradients()
    {
        using var scope = NewDisposeScope();
        foreach (var parameter in parameters)
            parameter.grad?.zero_();
    }

    /// <summary>Scales all gradients down so that together they have at most this norm.</summary>
    public void ClipGradients(double maxNorm)
    {
        using var scope = NewDisposeScope();
        var gradients = parameters.Select(p => p.grad!).ToArray();
        var scale = maxNorm / (stack(gradients.Select(g => g.norm())).norm().item<float>() + 1e-6);
        if (scale >= 1)
            return;
        foreach (var gradient in gradients)
            gradient.mul_(scale);
    }

    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        _steps++;
        var stepSize = learningRate / (1 - Math.Pow(Beta1, _steps));
        var rootCorrection = Math.Sqrt(1 - Math.Pow(Beta2, _steps));
        for (var i = 0; i < parameters.Count; i++)
        {
            var gradient = parameters[i].grad!;
            _means[i].mul_(Beta1).add_(gradient, alpha: 1 - Beta1);
            _squares[i].mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2);
            var root = _squares[i].sqrt().div_(rootCorrection).add_(Epsilon);
            parameters[i].mul_(1 - learningRate * weightDecay).addcdiv_(_means[i], root, -stepSize);
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _means.Concat(_squares))
            tensor.Dispose();
    }

    private static Tensor Zeros(Tensor like) => zeros_like(like, requires_grad: false).DetachFromDisposeScope();
}
