using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Rows whose trunk output is cached: the input of the first tuned layer. Safe for any number of threads.</summary>
internal interface ITrunkCache
{
    /// <param name="rows">Rows of a batch. The cache finds them by reference, not by value.</param>
    /// <param name="length">Tokens to pad to, T.</param>
    /// <returns>Hidden states, F32 <c>[B, T, H]</c> on the encoder's device, in the current dispose scope; padding is 0.</returns>
    Tensor Collate(IReadOnlyList<EncodedRow> rows, int length);
}
