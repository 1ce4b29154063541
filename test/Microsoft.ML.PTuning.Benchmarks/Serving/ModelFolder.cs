using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>A temporary folder of models over one encoder, each a file of its own. They differ in their names only.</summary>
internal sealed class ModelFolder : IDisposable
{
    private readonly string _original = System.IO.Path.GetTempFileName();

    /// <param name="encoder">The encoder's folder; null for the default encoder.</param>
    public ModelFolder(string? encoder, int models)
    {
        using var model = new UntrainedModel(encoder);
        using var transformer = model.ToTransformer();
        var context = new MLContext(seed: 1);
        context.Model.Save(transformer, context.Data.LoadFromEnumerable<TextRow>([]).Schema, _original);
        Names = [.. Enumerable.Range(0, models).Select(i => FormattableString.Invariant($"model-{i:D4}"))];
        foreach (var name in Names)
            File.Copy(_original, PathOf(name));
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("ptuning-serving").FullName;

    public string[] Names { get; }

    /// <summary>Moves a new file over each model's, as an upload does.</summary>
    public void ReplaceAll()
    {
        foreach (var name in Names)
        {
            var upload = PathOf($".{name}");
            File.Copy(_original, upload);
            File.SetLastWriteTimeUtc(upload, DateTime.UtcNow); // Copies keep the time of the original.
            File.Move(upload, PathOf(name), overwrite: true);
        }
    }

    public void Dispose()
    {
        Directory.Delete(Path, recursive: true);
        File.Delete(_original);
    }

    private string PathOf(string name) => System.IO.Path.Combine(Path, $"{name}.zip");
}
