using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>The configurations of published checkpoints, and the approved listings beside them.</summary>
internal static class PublishedConfiguration
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "approved");

    /// <param name="name">As the hub names the checkpoint: <c>bert-base-uncased</c>.</param>
    public static BackboneConfiguration Read(string name)
    {
        using var directory = new TemporaryDirectory();
        File.Copy(Path.Combine(s_folder, $"{name}.config.json"), directory.File("config.json"));
        return BackboneConfiguration.Read(directory.Path);
    }

    /// <returns>The lines of <c>name.txt</c>.</returns>
    public static string[] Approved(string name) => File.ReadAllLines(Path.Combine(s_folder, $"{name}.txt"));
}
