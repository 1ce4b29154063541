using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Comparing tensors number by number.</summary>
internal static class Numbers
{
    /// <summary>Fails unless |actual - expected| is at most absolute + relative * |expected| everywhere.</summary>
    public static void AreClose(Tensor expected, Tensor actual, double absolute = 1e-6, double relative = 1e-5)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        using var scope = NewDisposeScope();
        var excess = (actual - expected).abs() - (absolute + relative * expected.abs());
        Assert.IsTrue(actual.isfinite().all().item<bool>(), "Not every number is finite.");
        Assert.IsLessThanOrEqualTo(0, excess.max().to(ScalarType.Float64).item<double>(), $"A number is off by that much more than {absolute} + {relative} * |expected|.");
    }
}
