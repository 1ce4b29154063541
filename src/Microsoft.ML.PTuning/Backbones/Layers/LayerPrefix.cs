using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>The prefix of one layer: keys and values that its attention sees before those of the text.</summary>
/// <param name="Keys">Of any type, <c>[P, h, D]</c> shared by the batch, or <c>[B, h, P, D]</c> where each row has its own.</param>
/// <param name="Values">Like <paramref name="Keys"/>.</param>
/// <param name="Mask">
/// 1 where a row has that position, 0 where its prefix is shorter than the longest of the batch, Float32 <c>[B, P]</c>; null where all are equally long.
/// </param>
/// <param name="LogGate">
/// Is added to the scores of the prefix's keys, Float32 <c>[h]</c>, or <c>[B, h]</c> where each row has its own; null for nothing.
/// </param>
internal sealed record LayerPrefix(Tensor Keys, Tensor Values, Tensor? Mask = null, Tensor? LogGate = null)
{
    /// <summary>Prefix length, P.</summary>
    public int Length { get; } = (int)(Keys.dim() == 4 ? Keys.size(2) : Keys.size(0));

    /// <summary>How many of the first keys <see cref="LogGate"/> holds for: those of the prefix, not of a text that was read before.</summary>
    public int Gated { get; init; } = (int)(Keys.dim() == 4 ? Keys.size(2) : Keys.size(0));

    /// <summary>Puts the prefix before the keys and values of the text.</summary>
    /// <param name="k">Keys of the text, <c>[B, h, T, D]</c>.</param>
    /// <param name="v">Values of the text, <c>[B, h, T, D]</c>.</param>
    /// <returns>Keys and values, <c>[B, h, P + T, D]</c>.</returns>
    public (Tensor Keys, Tensor Values) Prepend(Tensor k, Tensor v) =>
        (torch.cat([ByRow(Keys.to(k.dtype), k.size(0)), k], 2), torch.cat([ByRow(Values.to(v.dtype), v.size(0)), v], 2));

    /// <param name="vectors"><see cref="Keys"/> or <see cref="Values"/>.</param>
    /// <param name="rows">B.</param>
    /// <returns>A view, <c>[B, h, P, D]</c>.</returns>
    public static Tensor ByRow(Tensor vectors, long rows) =>
        vectors.dim() == 4 ? vectors : vectors.transpose(0, 1).unsqueeze(0).expand(rows, -1, -1, -1);

    /// <summary>Adds the gate to what is added to the scores.</summary>
    /// <param name="mask">Broadcasts to <c>[B, h, Q, P + T]</c>; null for nothing.</param>
    /// <param name="keys">P + T.</param>
    /// <param name="type">That of the scores.</param>
    public Tensor? AddGate(Tensor? mask, long keys, ScalarType type)
    {
        if (LogGate is null)
            return mask;

        var gate = LogGate.to(type).view(-1, LogGate.size(-1), 1, 1).expand(-1, -1, -1, Gated);            // [B, h, 1, P], or [1, h, 1, P]
        var scores = torch.nn.functional.pad(gate, [0, keys - Gated]);                                     // [B, h, 1, P + T]
        return mask is null ? scores : mask.Plus(scores);
    }
}
