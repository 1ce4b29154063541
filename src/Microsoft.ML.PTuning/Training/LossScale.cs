using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Keeps gradients from becoming 0 in F16: the loss is multiplied, the gradients are divided again (Micikevicius et al. 2018).</summary>
/// <remarks>A power of two, so that it changes no digit. Where gradients overflow with it, the step is skipped and the next has half of it.</remarks>
internal sealed class LossScale
{
    /// <summary>The first factor. If it is too large, the first steps halve it.</summary>
    private const double Start = 1 << 14;

    public double Factor { get; set; } = Start;

    /// <returns>Null if gradients have the range of F32 and need no scale.</returns>
    public static LossScale? For(ScalarType backbone) => backbone == ScalarType.Float16 ? new() : null;

    public Tensor Apply(Tensor loss) => loss.Times(Factor);

    /// <summary>Divides the gradients, in place.</summary>
    /// <returns>Whether they are finite; if not, the factor has been halved.</returns>
    public bool TryUnscale(IEnumerable<TrainedTensors> leaves)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using Scalar divisor = Factor;
        var gradients = leaves.SelectMany(leaf => leaf).Select(tensor => tensor.Value.grad?.div_(divisor)).OfType<Tensor>().ToArray();
        if (Factor == 1 || stack(gradients.Select(gradient => gradient.isfinite().all())).all().item<bool>())
            return true;

        Factor /= 2;
        return false;
    }
}
