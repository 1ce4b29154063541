namespace Microsoft.ML.PTuning.Formats;

/// <summary>Checks names from files and users: of files, folders, models of a hub.</summary>
internal static class PlainPath
{
    /// <summary>Whether a name stays below the folder where it is looked up: letters, digits and <c>-_. </c>, in parts between slashes.</summary>
    public static bool IsBelow(string name) => name.Split('/').All(part =>
        part.Length > 0 && part[0] != '.' && part.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or ' '));

    /// <summary>
    /// Whether a path is <c>\\computer\share</c> or a device. A file may come from an attacker, and for such a path Windows signs in to that computer.
    /// </summary>
    public static bool IsOnAnotherComputer(string path) => path.Length > 1 && path[0] is '/' or '\\' && path[1] is '/' or '\\' or '?';
}
