using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Arithmetic whose numbers stay alive until native code has read them.</summary>
/// <remarks>
/// TorchSharp (0.107) turns a number into a <see cref="Scalar"/>, hands its native handle to native code and forgets the object. If another thread
/// collects garbage in between, the finaliser frees the number before native code reads it: a rare error ("Expected false to be true"), or a wrong
/// number. The + and - of two tensors have the same fault, because they pass a factor of 1. Other code therefore uses no operator that takes a number,
/// and neither + nor - of tensors. A <c>Scalar</c> is made with <c>using</c>, or is static.
/// </remarks>
internal static class Arithmetic
{
    private static readonly Scalar Zero = 0, One = 1, LeastHalf = (float)Half.MinValue, LargestHalf = (float)Half.MaxValue;

    /// <summary>x + y.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>Adds y to x itself. Use it only where the backward pass does not need x.</summary>
    public static Tensor AddInPlace(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>x - 1.</summary>
    public static Tensor MinusOne(this Tensor x) => x.sub(One);

    /// <summary>Whether each element is 0.</summary>
    public static Tensor IsZero(this Tensor x) => x.eq(Zero);

    /// <summary>Whether each element is 0 or more.</summary>
    public static Tensor IsNatural(this Tensor x) => x.ge(Zero);

    /// <summary>Places in rows into which <paramref name="count"/> tokens were inserted at <paramref name="at"/>.</summary>
    public static Tensor Shifted(this Tensor places, long at, long count)
    {
        using Scalar first = at, shift = count;
        return places.ge(first).to(ScalarType.Int64).mul(shift).add(places, One);
    }

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

    /// <summary>x, clamped to the range of F16.</summary>
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
