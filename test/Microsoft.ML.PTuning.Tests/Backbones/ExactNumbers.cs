using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Numbers computed from a golden file in F64, and how far F32 may be from them, whatever processor rounds it.</summary>
/// <remarks>
/// An F32 sum of n terms is, in any order, the exact sum of terms that are each off by n · 2^-24 of themselves at most. So F32 may move a result as
/// far as F64 moves it when every weight moves by that share of itself. The file's numbers and ours are compared with F64 one by one: the first
/// comparison does not depend on the processor at all.
/// </remarks>
/// <param name="Values">What F64 gives.</param>
/// <param name="Movement">How far each moves when the weights do.</param>
internal sealed record ExactNumbers(double[] Values, double[] Movement)
{
    private const int Samples = 4;

    /// <summary>What is below this in F64 is 0 but for rounding.</summary>
    private const double Nothing = 1e-12;

    public double Largest => Values.Max(Math.Abs);

    public bool IsZero => Largest < Nothing;

    /// <summary>Whether a number is 0 but for rounding, not because nothing was added.</summary>
    public bool IsRounding(int index) => Math.Abs(Values[index]) < Nothing && (Values[index] != 0 || Movement[index] != 0);

    /// <param name="compute">Computes named numbers from weights.</param>
    public static IReadOnlyDictionary<string, ExactNumbers> Compute(
        GoldenEncoder golden, Func<GoldenWeights, IReadOnlyDictionary<string, double[]>> compute)
    {
        var exact = Run(noise: null);
        var moved = Enumerable.Range(1, Samples).Select(seed =>
        {
            using var noise = new WeightNoise(seed, WeightNoise.OfSum(golden.LongestSum));
            return Run(noise);
        }).ToArray();
        return exact.ToDictionary(pair => pair.Key, pair => new ExactNumbers(
            pair.Value, [.. pair.Value.Select((value, i) => moved.Max(m => Math.Abs(m[pair.Key][i] - value)))]));

        IReadOnlyDictionary<string, double[]> Run(WeightNoise? noise)
        {
            using var weights = golden.InF64(noise);
            return OnOneCore(() => compute(weights));
        }
    }

    /// <param name="compute">Computes numbers from weights.</param>
    public static ExactNumbers Compute(GoldenEncoder golden, Func<GoldenWeights, Tensor> compute)
    {
        const string Name = "";
        return Compute(golden, weights => new Dictionary<string, double[]> { [Name] = Read(compute(weights)) })[Name];
    }

    /// <summary>Fails unless what F32 computes, and the file's numbers, are those of F64 but for rounding.</summary>
    /// <param name="expected">The file's numbers.</param>
    /// <param name="isGradient">Whether the largest number says how closely all are compared.</param>
    public static void AreClose(GoldenEncoder golden, Tensor expected, Func<GoldenWeights, Tensor> compute, bool isGradient = false)
    {
        var exact = Compute(golden, compute);
        using var weights = golden.InF32();
        var ours = OnOneCore(() =>
        {
            var computed = compute(weights);
            CollectionAssert.AreEqual(expected.shape, computed.shape);
            return Read(computed);
        });
        if (isGradient)
            exact.AreClose(Read(expected), ours, absolute: 1e-5 * exact.Largest, relative: 0);
        else
            exact.AreClose(Read(expected), ours);
    }

    /// <summary>Of several cores, the threads that wait for each other at every small sum would spin.</summary>
    public static T OnOneCore<T>(Func<T> compute) => SingleCoreThread.Run("numbers", () =>
    {
        using var scope = NewDisposeScope();
        return compute();
    });

    public static double[] Read(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float64).contiguous().data<double>().ToArray();
    }

    /// <summary>Fails unless the file's numbers and ours are those of F64 but for rounding.</summary>
    /// <param name="expected">The file's.</param>
    /// <param name="actual">Ours, in F32.</param>
    /// <param name="absolute">Allowed beside <paramref name="relative"/> of the exact number where rounding moves less.</param>
    /// <param name="eachByItself">Whether a number may move as far as it does itself; else as far as the furthest of them.</param>
    /// <param name="isCompared">Which are compared, by their index; null for all.</param>
    public void AreClose(
        double[] expected, double[] actual, double absolute = 1e-6, double relative = 1e-5, bool eachByItself = false, Func<int, bool>? isCompared = null)
    {
        var furthest = Movement.Max();
        IsClose("The file's", expected);
        IsClose("Ours", actual);

        void IsClose(string whose, double[] numbers)
        {
            Assert.HasCount(Values.Length, numbers);
            for (var i = 0; i < numbers.Length; i++)
            {
                if (isCompared?.Invoke(i) == false)
                    continue;
                var bound = Math.Max(absolute + relative * Math.Abs(Values[i]), eachByItself ? Movement[i] : furthest);
                Assert.AreEqual(Values[i], numbers[i], bound, $"{whose} number {i}");
            }
        }
    }
}
