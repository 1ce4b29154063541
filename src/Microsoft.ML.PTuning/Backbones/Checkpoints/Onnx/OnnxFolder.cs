using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>The folder of a model: what it names there is read, what is elsewhere is not.</summary>
internal static class OnnxFolder
{
    /// <summary>Finds a file that a model keeps weights in.</summary>
    /// <param name="model">The model's own file.</param>
    /// <param name="name">What the model calls the other one.</param>
    /// <returns>Its full path.</returns>
    /// <exception cref="FormatException">It is not there, or the name or a link leads elsewhere.</exception>
    public static string Resolve(string model, string name)
    {
        if (!PlainPath.IsBelow(name))
            throw new FormatException($"it keeps weights in '{name}', expected a file's name in its own folder");

        var folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            throw new FormatException($"it keeps weights in '{name}', and that file is not beside it; fetch both");

        // The Hugging Face cache keeps a snapshot's files elsewhere, all in one folder: where the model is a link to, the other may be one to as well.
        var target = Target(path);
        return IsBelow(folder, target) || IsBelow(Path.GetDirectoryName(Target(model))!, target)
            ? path
            : throw new FormatException($"it keeps weights in '{name}', which is a link to '{target}', outside of its folder");
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
