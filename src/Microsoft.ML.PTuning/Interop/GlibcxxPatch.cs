using System.Security.Cryptography;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>Three bytes that let libLibTorchSharp.so of TorchSharp 0.107.0 load where libstdc++ is older than GCC 13's.</summary>
/// <remarks>
/// The library asks for two symbol versions that Debian 12, Ubuntu 22.04 and RHEL 9 lack, one or both, and needs neither:
/// <list type="bullet">
/// <item><c>GLIBCXX_3.4.32</c> for <c>std::ios_base_library_init()</c>, which &lt;iostream&gt; of GCC 13 names in every object file so that the
/// streams' initialiser is linked; no relocation uses the symbol, nothing calls it.</item>
/// <item><c>GLIBCXX_3.4.30</c> for <c>std::condition_variable::wait</c>, which has been there as <c>GLIBCXX_3.4.11</c> since GCC 4.4.</item>
/// </list>
/// Both versions become weak, so the dynamic linker accepts their absence, and the second symbol is bound to its older version. Offsets are
/// constants because only one file is supported; formats: <c>Elf64_Vernaux</c> and <c>.gnu.version</c> in the Linux Standard Base, 10.7.
/// </remarks>
internal static class GlibcxxPatch
{
    /// <summary>The TorchSharp release whose library this is.</summary>
    public const string TorchSharpVersion = "0.107.0";

    /// <summary>SHA-256 of the library as TorchSharp ships it.</summary>
    public const string OriginalHash = "CF33B1B0BB6BBB9754A768FB5C5D04D9F498603BE50E73F55621A0B40EE608B8";

    /// <summary>SHA-256 of what <see cref="Apply"/> makes of it.</summary>
    public const string PatchedHash = "B213A35889A5448E0FA2644A7C5E3205D48DBBBCDB52067AB9F83154F14E172C";

    private const byte VersionIsWeak = 2;              // VER_FLG_WEAK
    private const int FlagsOfVersion32 = 0x3FA34;      // vna_flags of GLIBCXX_3.4.32
    private const int FlagsOfVersion30 = 0x3F9C4;      // vna_flags of GLIBCXX_3.4.30
    private const int VersionOfWait = 0x3E7A0;         // .gnu.version of std::condition_variable::wait
    private const byte Version11 = 10;                 // the file's index of GLIBCXX_3.4.11

    public static bool IsKnown(ReadOnlySpan<byte> library) => Hash(library) == OriginalHash;

    /// <summary>SHA-256 in upper-case hexadecimal digits.</summary>
    public static string Hash(ReadOnlySpan<byte> content) => Convert.ToHexString(SHA256.HashData(content));

    /// <param name="library">The library as TorchSharp ships it; unchanged.</param>
    /// <returns>The copy that loads.</returns>
    /// <exception cref="ArgumentException">It is another file.</exception>
    public static byte[] Apply(ReadOnlySpan<byte> library)
    {
        if (!IsKnown(library))
            throw new ArgumentException(
                $"Only libLibTorchSharp.so of TorchSharp {TorchSharpVersion}, SHA-256 {OriginalHash}, can be patched; this is {Hash(library)}.",
                nameof(library));

        var patched = library.ToArray();
        patched[FlagsOfVersion32] = VersionIsWeak;
        patched[FlagsOfVersion30] = VersionIsWeak;
        patched[VersionOfWait] = Version11;
        return patched;
    }
}
