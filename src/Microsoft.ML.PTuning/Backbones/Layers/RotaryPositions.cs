using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>
/// Rotary positions (Su et al. 2021) of two numbers per token, as in ChatGLM-6B: one half of a head turns by the first, the other by the second.
/// </summary>
/// <remarks>Serves one forward pass.</remarks>
internal sealed class RotaryPositions
{
    private const float Base = 10_000;

    private readonly Tensor _cosines, _sines; // [B, T, D / 2]: the quarters of the first number, then those of the second.

    /// <param name="positions">Int64 <c>[B, 2, T]</c>.</param>
    /// <param name="headSize">D, a multiple of 4.</param>
    /// <param name="type">The type of queries and keys.</param>
    public RotaryPositions(Tensor positions, int headSize, ScalarType type)
    {
        // ChatGLM holds its frequencies in F16, whatever type it computes in.
        float[] frequencies = [.. Enumerable.Range(0, headSize / 4).Select(i => (float)(Half)(1 / MathF.Pow(Base, 2f * i / (headSize / 2))))];
        var exact = type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var angles = positions.transpose(1, 2).unsqueeze(-1).to(exact).mul(tensor(frequencies).ToDevice(positions.device).to(exact)); // [B, T, 2, D / 4]
        (_cosines, _sines) = (angles.cos().to(type).flatten(2), angles.sin().to(type).flatten(2));
    }

    /// <summary>Turns queries or keys.</summary>
    /// <param name="x"><c>[B, h, Q, D]</c>.</param>
    /// <param name="select">Selects the tokens of <paramref name="x"/>, <c>[B, Q, ...]</c> of <c>[B, T, ...]</c>; null for all.</param>
    public Tensor Turn(Tensor x, Func<Tensor, Tensor>? select = null)
    {
        var quarter = x.size(3) / 4;
        var (cosines, sines) = (Of(_cosines), Of(_sines));
        var parts = x.reshape(x.size(0), x.size(1), x.size(2), 2, 2, quarter);
        var (first, second) = (parts.select(-2, 0), parts.select(-2, 1));                                       // [B, h, Q, 2, D / 4]
        return stack(
        [
            first.mul(cosines).Plus(second.neg().mul(sines)),
            second.mul(cosines).Plus(first.mul(sines)),
        ], -2).view(x.shape);

        Tensor Of(Tensor table)
        {
            var own = select?.Invoke(table) ?? table;                                                           // [B, Q, D / 2]
            return own.reshape(own.size(0), 1, own.size(1), 2, quarter);
        }
    }
}
