using Microsoft.ML.PTuning.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>The rows of a table of relative embeddings that the tokens of a batch use.</summary>
/// <param name="First">The first row that is used.</param>
/// <param name="Count">How many rows are used, W.</param>
/// <param name="Rows">The row of each query token i and key token j, counted from <paramref name="First"/>: Int64, <c>[T, T]</c>.</param>
internal sealed record RelativePositions(int First, int Count, Tensor Rows)
{
    /// <summary>The rows of a batch, in the current dispose scope.</summary>
    /// <param name="length">Tokens per row, T.</param>
    public static RelativePositions Of(int length, DebertaConfiguration configuration, Device device)
    {
        // The row grows with i - j, so the two furthest pairs bound the window.
        var byDistance = new long[2 * length - 1];
        for (var distance = 1 - length; distance < length; distance++)
            byDistance[distance + length - 1] = Row(distance, configuration);

        var first = byDistance[0];
        var rows = new long[length * length];
        for (var i = 0; i < length; i++)
        {
            for (var j = 0; j < length; j++)
                rows[i * length + j] = byDistance[i - j + length - 1] - first;
        }

        return new((int)first, (int)(byDistance[^1] - first) + 1, tensor(rows, [length, length]).ToDevice(device));
    }

    /// <summary>The table's row for a distance i - j: distance 0 has row R of 2R; distances beyond the table have its first or last row.</summary>
    public static long Row(int distance, DebertaConfiguration configuration)
    {
        var (span, buckets) = (configuration.RelativeSpan, configuration.PositionBuckets);
        var steps = buckets > 0 ? Bucket(distance, buckets, configuration.MaxRelativePositions) : distance;
        return Math.Clamp(steps + span, 0, 2 * span - 1);
    }

    /// <summary>Each bucket of the nearer half is one distance; those of the further half are ranges that grow logarithmically (He et al. 2023).</summary>
    private static int Bucket(int distance, int buckets, int furthest)
    {
        var near = buckets / 2;
        var steps = Math.Abs(distance);
        if (steps <= near)
            return distance;

        var logarithmic = Math.Log((double)steps / near) / Math.Log((double)(furthest - 1) / near) * (near - 1);
        return Math.Sign(distance) * ((int)Math.Ceiling(logarithmic) + near);
    }
}
