using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>The largest file that a process may write (<c>ulimit -f</c>).</summary>
internal static class FileSizeLimit
{
    private const PosixSignal Exceeded = (PosixSignal)25; // SIGXFSZ on Linux and macOS, a raw value

    private static readonly PosixSignalRegistration? s_registration =
        OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(Exceeded, signal => signal.Cancel = true);

    /// <summary>Call it before a file is written: from then on a write beyond the limit fails, and the signal that tells of it ends no process.</summary>
    public static void Respect() => GC.KeepAlive(s_registration);

    /// <summary>Whether a write failed because of the limit. .NET reports EFBIG as an argument that is out of range.</summary>
    public static bool IsReason(Exception failure) => failure is ArgumentOutOfRangeException { ParamName: "value" };

    /// <param name="path">The file that was not written.</param>
    public static IOException Error(string path, Exception inner) =>
        new($"'{path}' cannot be written: it would be larger than this process may write (ulimit -f). Raise the limit, or name another place.", inner);
}
