using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Saves a tiny encoder in the formats that weights come in.</summary>
internal static class CheckpointFormats
{
    public const string Safetensors = "model.safetensors", ShardedSafetensors = "model.safetensors.index.json";
    public const string Torch = "pytorch_model.bin", ShardedTorch = "pytorch_model.bin.index.json";

    /// <param name="format">The file that a load would look for.</param>
    /// <returns>The names of the files written, in order.</returns>
    public static string[] SaveAs(this TinyCheckpoint checkpoint, string format)
    {
        var tensors = checkpoint.Tensors.Select(pair => (pair.Key, pair.Value)).ToArray();
        if (format is Safetensors or Torch)
        {
            WriteFile(Path.Combine(checkpoint.Path, format), tensors);
            return [format];
        }

        var extension = format == ShardedTorch ? ".bin" : ".safetensors";
        var halves = tensors.Chunk((tensors.Length + 1) / 2).ToArray();
        var names = halves.Select((_, i) => $"{format[..format.IndexOf('.')]}-0000{i + 1}-of-00002{extension}").ToArray();
        var map = new JsonObject();
        for (var i = 0; i < halves.Length; i++)
        {
            WriteFile(Path.Combine(checkpoint.Path, names[i]), halves[i]);
            foreach (var (name, _) in halves[i])
                map[name] = names[i];
        }

        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 1 }, ["weight_map"] = map };
        File.WriteAllText(Path.Combine(checkpoint.Path, format), index.ToJsonString());
        return [.. names.Prepend(format).Order(StringComparer.Ordinal)];
    }

    private static void WriteFile(string path, (string Name, Tensor Tensor)[] tensors)
    {
        if (path.EndsWith(".bin", StringComparison.Ordinal))
        {
            TorchWriter.Write(path, tensors);
            return;
        }

        using var stream = File.Create(path);
        SafetensorsWriter.Write(stream, tensors);
    }
}
