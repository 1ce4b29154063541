using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Copies to the device where an encoder is.</summary>
internal static class DeviceCopy
{
    /// <summary><paramref name="x"/>, which is in CPU memory, on a device.</summary>
    /// <remarks>
    /// A GPU copies from page-locked memory behind the work that it has been given before, and nobody waits for it; from other memory the caller
    /// waits for all that work. Torch keeps page-locked memory until the copy is made, also where the tensor is disposed before.
    /// </remarks>
    public static Tensor ToDevice(this Tensor x, Device device) => device.type switch
    {
        DeviceType.CPU => x,
        DeviceType.CUDA => x.pin_memory().to(device, non_blocking: true),
        _ => x.to(device),
    };
}
