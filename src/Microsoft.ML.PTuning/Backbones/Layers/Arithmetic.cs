using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Arithmetic with numbers that stay alive until it is done.</summary>
/// <remarks>
/// TorchSharp (0.107) turns a number into a <see cref="Scalar"/>, hands its native handle to native code and forgets the object. Where a garbage
/// collection of another thread falls in between, the finaliser frees what native code is about to read: a rare error ("Expected false to be true"),
/// or a wrong number. The sum and the difference of two tensors are no exception, they carry a factor of 1. So no operator that takes a number, and
/// neither + nor - of tensors, is used elsewhere; a <c>Scalar</c> is made with <c>using</c>, or is static.
/// </remarks>
internal static class Arithmetic
{
    private static readonly Scalar Zero = 0, One = 1, LeastHalf = (float)Half.MinValue, LargestHalf = (float)Half.MaxValue;

    /// <summary>x + y.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>x + y, in the place of x.</summary>
    public static Tensor AddInPlace(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>x - 1.</summary>
    public static Tensor MinusOne(this Tensor x) => x.sub(One);

    /// <summary>Whether each element is 0.</summary>
    public static Tensor IsZero(this Tensor x) => x.eq(Zero);

    /// <summary>x · factor.</summary>
    public static Tensor Times(this Tensor x, double factor)
    {
        using Scalar scalar = factor;
        return x.mul(scalar);
    }

    /// <summary>x / divisor.</summary>
    public static Tensor DividedBy(this Tensor x, double divisor)
    {
        using Scalar scalar = divisor;
        return x.div(scalar);
    }

    /// <summary>x, or the nearest number that F16 holds where x is beyond them.</summary>
    public static Tensor WithinHalf(this Tensor x) => x.clamp(LeastHalf, LargestHalf);

    /// <summary>The whole numbers from <paramref name="start"/> to <paramref name="end"/> - 1, Int64.</summary>
    public static Tensor Range(long start, long end, Device device)
    {
        using Scalar first = start, last = end;
        return arange(first, last, One, ScalarType.Int64, device);
    }

    /// <summary>A tensor of the shape and type of <paramref name="x"/>, filled with one number.</summary>
    public static Tensor Filled(this Tensor x, long number)
    {
        using Scalar scalar = number;
        return full_like(x, scalar);
    }
}
