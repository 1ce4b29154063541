using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Rows whose hidden states are known already as they enter the first tuned layer. Safe for any number of threads.</summary>
internal interface IEnteringStates
{
    /// <param name="rows">Rows of a batch, which are known by being the same objects.</param>
    /// <param name="length">Tokens to pad to, T.</param>
    /// <returns>Hidden states, F32 <c>[B, T, H]</c> on the encoder's device, in the current dispose scope; padding is 0.</returns>
    Tensor Collate(IReadOnlyList<EncodedRow> rows, int length);
}
