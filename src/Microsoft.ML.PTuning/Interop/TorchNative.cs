using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Formats;
using TorchSharp;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>Loads TorchSharp's native libraries. Called before any tensor is touched.</summary>
/// <remarks>
/// TorchSharp 0.107.0 does not load on Linux with a libstdc++ older than GCC 13's. There, a patched copy is loaded first
/// (<see cref="NativeBackend"/>); the application's files stay as they are. Everywhere else TorchSharp is left to itself.
/// </remarks>
internal static class TorchNative
{
    // std::ios_base_library_init(), what GCC 13 added to libstdc++ as GLIBCXX_3.4.32.
    private const string SymbolOfGcc13 = "_ZSt21ios_base_library_initv";

    private static readonly object Gate = new();
    private static bool _loaded;

    /// <summary>Which packages bring what is missing, for error messages.</summary>
    public static string BackendAdvice =>
        "Reference one native backend package in the application: " +
        (OperatingSystem.IsWindows() ? "TorchSharp-cpu or libtorch-cpu-win-x64, or TorchSharp-cuda-windows for a GPU."
        : OperatingSystem.IsMacOS() ? "TorchSharp-cpu or libtorch-cpu-osx-arm64."
        : "TorchSharp-cpu or libtorch-cpu-linux-x64, or TorchSharp-cuda-linux for a GPU.");

    /// <summary>Loads the native libraries; from the second call on it does nothing. Safe for any number of threads and processes.</summary>
    /// <exception cref="DllNotFoundException">The application has no native backend, or one that does not load here.</exception>
    /// <exception cref="NotSupportedException">The backend is of another version than this system can be made to load.</exception>
    public static void EnsureLoaded()
    {
        if (Volatile.Read(ref _loaded))
            return;

        lock (Gate)
        {
            if (_loaded)
                return;

            FileSizeLimit.Respect(); // Of other libraries' writes, too.
            if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && IsOlderThanGcc13() && !IsInMemory())
                NativeBackend.OfApplication().Load();
            InitializeTorchSharp();
            Volatile.Write(ref _loaded, true);
        }
    }

    /// <summary>Begins to load them on a thread of its own, if that is still to do. <see cref="EnsureLoaded"/> waits for it and reports what fails.</summary>
    /// <remarks>
    /// It takes about half a second, so read files meanwhile. Nothing of <see cref="torch"/> may be touched before <see cref="EnsureLoaded"/>.
    /// </remarks>
    public static void BeginLoading()
    {
        if (!Volatile.Read(ref _loaded))
            _ = Task.Factory.StartNew(Load, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        static void Load()
        {
            ProcessEnd.Enter();
            try
            {
                EnsureLoaded();
            }
            finally
            {
                ProcessEnd.Leave();
            }
        }
    }

    private static bool IsOlderThanGcc13() =>
        NativeLibrary.TryLoad("libstdc++.so.6", out var library) && !NativeLibrary.TryGetExport(library, SymbolOfGcc13, out _);

    // Given a name only, the dynamic linker returns a library that the application has loaded itself, as TorchSharp suggests for own builds.
    private static bool IsInMemory() => NativeLibrary.TryLoad(NativeBackend.Library, out _);

    private static void InitializeTorchSharp()
    {
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception e) when (e is NotSupportedException or DllNotFoundException or TypeInitializationException)
        {
            var advice = NativeBackend.AdviceFor(e.ToString()) is { Length: > 0 } reason ? reason : BackendAdvice;
            throw new DllNotFoundException($"TorchSharp {GlibcxxPatch.TorchSharpVersion} found no native libraries that load. {advice}", e);
        }
    }
}
