using System.Globalization;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>What ML.NET's environment does not expose in public: seed, device, options, cancellation.</summary>
internal static class HostEnvironment
{
    /// <summary>The context's option that names a folder with encoders.</summary>
    public const string DirectoryOption = "PTuning.BackboneDirectory";

    /// <summary>The context's option that names the precision of loaded models' encoders.</summary>
    public const string PrecisionOption = "PTuning.Precision";

    /// <summary>The context's option that says how many cores scoring may use.</summary>
    public const string ScoringCoresOption = "PTuning.ScoringCores";

    /// <summary>The seed of the context; null where it has none.</summary>
    public static int? SeedOf(IHostEnvironment environment) => ((IHostEnvironmentInternal)environment).Seed;

    /// <summary>The context's folder for temporary files.</summary>
    public static string TemporaryFolderOf(IHostEnvironment environment) => ((IHostEnvironmentInternal)environment).TempFilePath;

    /// <summary>The option <see cref="DirectoryOption"/> of the context.</summary>
    /// <param name="environment">The context itself: its hosts do not have its options.</param>
    public static string? BackboneDirectoryOf(IHostEnvironment environment) =>
        ((IHostEnvironmentInternal)environment).TryGetOption<string>(DirectoryOption, out var directory) ? directory : null;

    /// <summary>
    /// The option <see cref="PrecisionOption"/> of the context; where it is not set, that of the application's <c>runtimeconfig.json</c>; else
    /// <see cref="BackbonePrecision.Auto"/>.
    /// </summary>
    /// <param name="environment">The context itself: its hosts do not have its options.</param>
    /// <exception cref="ArgumentException">The option names no precision.</exception>
    public static BackbonePrecision PrecisionOf(IHostEnvironment environment)
    {
        var isOfContext = ((IHostEnvironmentInternal)environment).TryGetOption<string>(PrecisionOption, out var name);
        if (!isOfContext && (name = AppContext.GetData(PrecisionOption) as string) is null)
            return BackbonePrecision.Auto;
        return Enum.TryParse<BackbonePrecision>(name, out var precision) && Enum.IsDefined(precision)
            ? precision
            : throw new ArgumentException(
                $"The option {PrecisionOption} of the {(isOfContext ? "MLContext" : "application (runtimeconfig.json)")} is '{name}', "
                + $"expected one of {BackbonePrecisions.Names}.");
    }

    /// <summary>The option <see cref="ScoringCoresOption"/> of the context; null where it is not set.</summary>
    /// <param name="environment">The context itself: its hosts do not have its options.</param>
    /// <exception cref="ArgumentException">The option is no number, or less than 1.</exception>
    public static int? ScoringCoresOf(IHostEnvironment environment)
    {
        if (!((IHostEnvironmentInternal)environment).TryGetOption<string>(ScoringCoresOption, out var value))
            return null;
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var cores) && cores > 0
            ? cores
            : throw new ArgumentException($"The option {ScoringCoresOption} of the MLContext is '{value}', expected a number of cores, \"1\" or more.");
    }

    /// <summary>An object that the context stores under a name; made at the first call. One thread at a time.</summary>
    public static T Keep<T>(IHostEnvironment environment, string name, Func<T> create)
    {
        var context = (IHostEnvironmentInternal)environment;
        if (!context.TryGetOption<T>(name, out var value))
            context.SetOption(name, value = create());
        return value;
    }

    /// <exception cref="OperationCanceledException">The context's work has been cancelled.</exception>
    public static void CheckCancelled(IHost host)
    {
        if (((ICancelable)host).IsCanceled)
            throw new OperationCanceledException("The operation was cancelled through the MLContext.");
    }

    /// <summary>For work that begins now: an action that throws once the context's work is cancelled.</summary>
    /// <remarks>
    /// A cancelled context stays cancelled and cannot signal a second time. Work that begins later is therefore never cancelled; otherwise the context
    /// could do no work any more.
    /// </remarks>
    /// <param name="environment">The context itself: a cancelled host is no longer connected to it.</param>
    public static Action CancellationOf(IHostEnvironment environment, string name)
    {
        var host = ((IHostEnvironmentInternal)environment).Register(name, seed: 0, verbose: null); // Without a seed, the host would draw one from the context.
        return ((ICancelable)host).IsCanceled ? () => { } : () => CheckCancelled(host);
    }

    /// <summary>The device to compute on: a GPU if the caller or the context names one, else the CPU.</summary>
    /// <param name="gpuDeviceId">Overrides the context's.</param>
    /// <param name="fallbackToCpu">Overrides the context's.</param>
    /// <param name="warn">Receives a line if the CPU is used instead of the requested GPU.</param>
    /// <exception cref="InvalidOperationException">The GPU is not there, and the CPU is not allowed instead.</exception>
    public static Device DeviceOf(IHostEnvironment environment, int? gpuDeviceId, bool? fallbackToCpu, Action<string> warn)
    {
        var context = (IHostEnvironmentInternal)environment;
        if ((gpuDeviceId ?? context.GpuDeviceId) is not { } id)
            return CPU;

        var count = cuda.is_available() ? cuda.device_count() : 0;
        if (id >= 0 && id < count)
            return new Device(DeviceType.CUDA, id);

        var found = count == 0
            ? "no CUDA device is usable (the application needs a CUDA backend package, TorchSharp-cuda-linux or TorchSharp-cuda-windows, and a driver)"
            : $"there are {count} CUDA devices, numbered from 0";
        if (!(fallbackToCpu ?? context.FallbackToCpu))
            throw new InvalidOperationException(
                $"GPU {id} was asked for, but {found}. Set FallbackToCpu to compute on the CPU instead, or GpuDeviceId to null.");

        warn($"GPU {id} was asked for, but {found}. Computing on the CPU.");
        return CPU;
    }
}
