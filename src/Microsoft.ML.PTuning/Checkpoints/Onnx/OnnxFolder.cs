using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Finds the files in a model's folder that hold its weights. Files elsewhere are refused.</summary>
internal static class OnnxFolder
{
    /// <param name="model">The model's own file.</param>
    /// <param name="name">The other file's name, as the model gives it.</param>
    /// <returns>Its full path.</returns>
    /// <exception cref="FormatException">It is not there, or the name or a link leads elsewhere.</exception>
    public static string Resolve(string model, string name)
    {
        RequireBelow(name);
        var folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            throw new FormatException($"it keeps weights in '{name}', and that file is not beside it; fetch both");

        // In the Hugging Face cache all files of a snapshot are links to one other folder: the model itself leads there.
        var target = Target(path);
        return IsBelow(folder, target) || IsBelow(Path.GetDirectoryName(Target(model))!, target)
            ? path
            : throw new FormatException($"it keeps weights in '{name}', which is a link to '{target}', outside of its folder");
    }

    /// <exception cref="FormatException">The name leads elsewhere.</exception>
    public static void RequireBelow(string name)
    {
        if (!PlainPath.IsBelow(name))
            throw new FormatException($"it keeps weights in '{name}', expected a file's name in its own folder");
    }

    private static string Target(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);

    private static bool IsBelow(string folder, string path)
    {
        if (!path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            return false;

        // A folder in between may be a link, too.
        for (var between = Path.GetDirectoryName(path)!; between.Length > folder.Length; between = Path.GetDirectoryName(between)!)
            if (new DirectoryInfo(between).LinkTarget is not null)
                return false;
        return true;
    }
}
