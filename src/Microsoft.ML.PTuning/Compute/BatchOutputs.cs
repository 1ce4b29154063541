using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>The outputs of a batch, on the device that computes them. A GPU may still compute until they are read.</summary>
internal sealed class BatchOutputs : IDisposable
{
    private readonly Tensor _outputs;
    private readonly Tensor? _loss;
    private readonly IReadOnlyList<ExamplePart> _parts;
    private readonly bool _isPerToken;

    /// <summary>Takes the tensors out of their dispose scope and detaches them.</summary>
    /// <param name="outputs">The head's, <c>[S, ...]</c>.</param>
    /// <param name="loss">A scalar; null for none.</param>
    /// <param name="isPerToken">As in <see cref="Heads.TaskHead.IsPerToken"/>.</param>
    public BatchOutputs(Tensor outputs, Tensor? loss, IReadOnlyList<ExamplePart> parts, bool isPerToken)
    {
        (_outputs, _loss) = (outputs.detach().DetachFromDisposeScope(), loss?.detach().DetachFromDisposeScope());
        (_parts, _isPerToken) = (parts, isPerToken);
    }

    /// <summary>Waits for the loss; 0 where there is none.</summary>
    public double ReadLoss() => _loss switch
    {
        null => 0,
        { dtype: ScalarType.Float64 } exact => exact.item<double>(),
        _ => _loss.item<float>(),
    };

    /// <summary>Waits for the outputs, as they are: <c>[S, ...]</c>.</summary>
    public Tensor CopyOutputs() => _outputs.cpu().clone();

    /// <summary>Waits for the outputs.</summary>
    /// <inheritdoc cref="Predictor.ByPart"/>
    public float[][] ReadByPart()
    {
        using var scope = NewDisposeScope();
        return Predictor.ByPart(_outputs, _parts, _isPerToken);
    }

    public void Dispose()
    {
        _outputs.Dispose();
        _loss?.Dispose();
    }
}
