using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>Gives memory back to the system that models have left behind, loaded or unloaded.</summary>
/// <remarks>The C library keeps freed tensors for later ones; after thousands of models, that is as much again as the tensors in use.</remarks>
internal static partial class FreedMemory
{
    /// <summary>Takes some milliseconds. Without glibc it does nothing.</summary>
    public static void GiveBack()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint kept);
}
