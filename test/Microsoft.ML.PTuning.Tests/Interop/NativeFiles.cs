using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Tests.Interop;

/// <summary>The native libraries beside the tests; a test that needs them is inconclusive on other systems than Linux x64.</summary>
internal static class NativeFiles
{
    public static string TorchSharpLibrary => Path.Combine(Folder, NativeBackend.Library);

    public static string Folder
    {
        get
        {
            if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
                Assert.Inconclusive($"{NativeBackend.Library} is a library of Linux x64.");
            return Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        }
    }
}
