using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Formats;
using TorchSharp;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>The native libraries beside an application on Linux, loaded by hand because one of them needs <see cref="GlibcxxPatch"/>.</summary>
/// <param name="folders">Where to look, in this order.</param>
/// <param name="cache">Folder for the patched copy, shared by processes; null if there is no such folder.</param>
internal sealed class NativeBackend(IReadOnlyList<string> folders, string? cache)
{
    public const string Library = "libLibTorchSharp.so";

    // In the order of their dependencies, so that the dynamic linker searches for none. Only CUDA packages have the CUDA libraries.
    private static readonly string[] Libtorch = ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    /// <summary>Where the host looks for the native libraries of this application.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "In a single file the other folders are the ones.")]
    public static NativeBackend OfApplication()
    {
        var host = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator);
        var assembly = Path.GetDirectoryName(typeof(NativeBackend).Assembly.Location);
        var folders = from root in new[] { AppContext.BaseDirectory, assembly }
                      where !string.IsNullOrEmpty(root)
                      from folder in new[] { root, Path.Combine(root, "runtimes", "linux-x64", "native") }
                      select folder;
        return new([.. host.Concat(folders).Where(f => f.Length > 0).Select(Path.TrimEndingDirectorySeparator).Distinct()], LocalCache.Folder);
    }

    /// <summary>Loads libtorch and the patched copy. TorchSharp's own load, by name, then finds the copy in memory under that name.</summary>
    /// <exception cref="DllNotFoundException">A library is missing, or the system is older than even the patched copy allows.</exception>
    /// <exception cref="NotSupportedException">The library or TorchSharp itself is of another version.</exception>
    public void Load()
    {
        var original = Find(Library) ?? throw Missing(Library);
        var libtorch = Libtorch.Select(name => (name, Path: Find(name))).ToList();
        foreach (var (name, path) in libtorch)
            if (path is null && !name.EndsWith("_cuda.so", StringComparison.Ordinal))
                throw Missing(name);

        var patched = Patch(original);
        try
        {
            foreach (var (_, path) in libtorch)
                if (path is not null)
                    NativeLibrary.Load(path);
            LoadCopy(patched);
        }
        catch (DllNotFoundException e)
        {
            throw new DllNotFoundException(
                $"The native libraries of TorchSharp in {Path.GetDirectoryName(original)} do not load here. {AdviceFor(e.Message)}{e.Message}", e);
        }
    }

    /// <summary>What to do about what the dynamic linker says.</summary>
    public static string AdviceFor(string reason)
    {
        if (reason.Contains("map segment", StringComparison.Ordinal) || reason.Contains("allocate memory", StringComparison.OrdinalIgnoreCase))
            return "Either the process may not use enough memory or address space (ulimit -v), or the library's folder is mounted noexec: "
                + "raise the limit, or let XDG_CACHE_HOME or TMPDIR name a folder from which programs may be run. ";
        return reason.Contains("GLIBC", StringComparison.Ordinal)
            ? $"TorchSharp {GlibcxxPatch.TorchSharpVersion} needs glibc 2.34 and the libstdc++ of GCC 11, or newer. "
            : "";
    }

    private static byte[] Patch(string original)
    {
        var library = RegularFile.ReadAllBytes(original);
        var managed = typeof(torch).Assembly.GetName().Version!.ToString(3);
        if (GlibcxxPatch.IsKnown(library) && managed == GlibcxxPatch.TorchSharpVersion)
            return GlibcxxPatch.Apply(library);

        throw new NotSupportedException(
            $"This system's libstdc++ is older than GCC 13's (GLIBCXX_3.4.32), " +
            $"and this library can make only TorchSharp {GlibcxxPatch.TorchSharpVersion} load here. " +
            $"Expected: TorchSharp.dll {GlibcxxPatch.TorchSharpVersion} and {Library} with SHA-256 {GlibcxxPatch.OriginalHash}. " +
            $"Found: TorchSharp.dll {managed} and {original} with SHA-256 {GlibcxxPatch.Hash(library)}. " +
            $"Reference TorchSharp {GlibcxxPatch.TorchSharpVersion}, or run on a system with a newer libstdc++ (Debian 13, Ubuntu 24.04).");
    }

    private void LoadCopy(byte[] patched)
    {
        // The folder is named by the copy's hash, so copies for other versions lie beside it and a file of this name never changes.
        var cached = cache is null ? null : Path.Combine(cache, "torchsharp", GlibcxxPatch.PatchedHash[..16], Library);
        if (cached is not null && (IsPatched(cached) || LocalCache.TryWrite(cached, patched)) && NativeLibrary.TryLoad(cached, out _))
            return;

        // No cache, or one that cannot be written or is mounted noexec. A mapped library stays mapped after its file is deleted.
        try
        {
            LoadTemporary(patched);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException || FileSizeLimit.IsReason(e))
        {
            throw new DllNotFoundException(
                $"A patched copy of {Library}, {patched.Length >> 10} KB, is needed here and can be written neither to the cache "
                + $"({cached ?? "there is none: XDG_CACHE_HOME and HOME are not set"}) nor to the temporary folder ({Path.GetTempPath()}): {e.Message} "
                + "Let XDG_CACHE_HOME or TMPDIR name a folder that can be written and from which programs may be run.", e);
        }
    }

    private static void LoadTemporary(byte[] patched)
    {
        var folder = Directory.CreateTempSubdirectory("Microsoft.ML.PTuning-");
        try
        {
            var copy = Path.Combine(folder.FullName, Library);
            File.WriteAllBytes(copy, patched);
            NativeLibrary.Load(copy);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static bool IsPatched(string copy)
    {
        try
        {
            return GlibcxxPatch.Hash(RegularFile.ReadAllBytes(copy)) == GlibcxxPatch.PatchedHash;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private string? Find(string name) => folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private DllNotFoundException Missing(string name) => new(
        $"{name}, a native library of TorchSharp, was not found. {TorchNative.BackendAdvice} Looked in: {string.Join("; ", folders)}.");
}
