using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Encoders;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Folders in the layout of an encoder, small enough to make in a test: a configuration, a few bytes as weights, three words.</summary>
internal sealed class BackboneFolder : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    public string Root => _root.FullName;

    public Fingerprint Fingerprint => new(this["fingerprints"]);

    public string this[string path] => Path.Combine(Root, path);

    /// <returns>The folder's full path.</returns>
    public string Make(string path, int hiddenSize = 256, string weights = "weights", string vocabulary = "a b c")
    {
        var directory = Directory.CreateDirectory(this[path]).FullName;
        File.WriteAllText(Path.Combine(directory, "config.json"), $"{{\"hidden_size\": {hiddenSize}}}");
        File.WriteAllText(Path.Combine(directory, "model.safetensors"), weights);
        File.WriteAllText(Path.Combine(directory, "vocab.txt"), vocabulary);
        return directory;
    }

    /// <summary>A locator for this folder as the application's, <c>hub</c> in it as the Hugging Face cache, and the search path given.</summary>
    public BackboneLocator Locator(params string[] searchPath) =>
        new(new(Root, searchPath, new(this["hub"])), Read, Fingerprint, hub => throw new InvalidOperationException($"{hub} was to be downloaded."));

    public BackboneReference Reference(BackboneLocation location) =>
        BackboneReference.Of(location, Read(location.Directory), ["model.safetensors"], ["vocab.txt"], Fingerprint);

    public static BackboneConfiguration Read(string directory)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "config.json")));
        return new()
        {
            ModelType = "bert",
            VocabularySize = 3,
            HiddenSize = json.RootElement.GetProperty("hidden_size").GetInt32(),
            EmbeddingSize = json.RootElement.GetProperty("hidden_size").GetInt32(),
            Layers = 4,
            Heads = 4,
            FeedForwardSize = 1024,
            Activation = "gelu",
            MaxPositionEmbeddings = 512,
            SegmentTypes = 2,
            LayerNormEpsilon = 1e-12,
            PadTokenId = 0,
        };
    }

    public void Dispose() => _root.Delete(recursive: true);
}
