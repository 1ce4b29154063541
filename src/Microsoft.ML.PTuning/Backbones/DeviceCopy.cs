using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Copies to the device where an encoder is.</summary>
internal static class DeviceCopy
{
    /// <summary>Copies a tensor from CPU memory to a device; on the CPU it is <paramref name="x"/> itself.</summary>
    /// <remarks>
    /// A GPU copies from page-locked memory after the work in its queue, and the caller does not wait. From other memory the caller waits for all
    /// queued work. Torch keeps page-locked memory until the copy is made, even if the tensor is disposed earlier.
    /// </remarks>
    public static Tensor ToDevice(this Tensor x, Device device) => device.type switch
    {
        DeviceType.CPU => x,
        DeviceType.CUDA => x.pin_memory().to(device, non_blocking: true),
        _ => x.to(device),
    };
}
