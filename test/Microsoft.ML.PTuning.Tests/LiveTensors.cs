using TorchSharp;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Counts native tensors, for tests that must leave none behind.</summary>
internal static class LiveTensors
{
    /// <summary>How many there are now.</summary>
    public static long Count => torch.Tensor.TotalCount;

    /// <summary>How many there are once finalizers have taken what earlier tests left to them, so that they do not take it in the middle of this one.</summary>
    public static long CountSettled()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return Count;
    }
}
