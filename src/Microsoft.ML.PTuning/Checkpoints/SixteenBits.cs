using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Numbers of 16 bits as the reader of a checkpoint wants them.</summary>
internal static class SixteenBits
{
    /// <param name="read">A tensor of any type, which the result replaces.</param>
    /// <param name="wanted">As in <see cref="ICheckpoint.Load"/>.</param>
    public static Tensor As(this Tensor read, ScalarType wanted)
    {
        if (read.dtype is not (ScalarType.Float16 or ScalarType.BFloat16) || read.dtype == wanted)
            return read;

        using (read)
            return read.to(wanted);
    }
}
