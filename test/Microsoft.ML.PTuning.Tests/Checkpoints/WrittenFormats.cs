using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

/// <summary>Saves a tiny encoder in the formats that weights come in.</summary>
internal static class WrittenFormats
{
    public const string Safetensors = "model.safetensors", ShardedSafetensors = "model.safetensors.index.json";
    public const string Onnx = "model.onnx", OnnxInFolder = "onnx/model.onnx";
    public const string Torch = "pytorch_model.bin", ShardedTorch = "pytorch_model.bin.index.json";
    public const string TrainingState = "mp_rank_00_model_states.pt";

    /// <param name="format">The file that a load would look for.</param>
    /// <returns>The names of the files written, in order.</returns>
    public static string[] SaveAs(this TinyCheckpoint checkpoint, string format)
    {
        var tensors = checkpoint.Tensors.Select(pair => (pair.Key, pair.Value)).ToArray();
        if (format is Safetensors or Torch or TrainingState)
        {
            WriteFile(Path.Combine(checkpoint.Path, format), tensors);
            return [format];
        }

        if (format is Onnx or OnnxInFolder)
            return SaveAsOnnx(checkpoint, format);

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

    /// <summary>As exporters write it: linear layers' matrices transposed and without a name. Of the one in a folder, the numbers are in a file beside it.</summary>
    private static string[] SaveAsOnnx(TinyCheckpoint checkpoint, string format)
    {
        var draft = new OnnxDraft();
        foreach (var (name, tensor) in checkpoint.Tensors)
        {
            var module = name[..(name.LastIndexOf('.') + 1)];
            if (tensor.dim() != 2 || !checkpoint.Tensors.ContainsKey($"{module}bias"))
            {
                draft.Tensors.Add(DraftTensor.Of(name, tensor.data<float>().ToArray(), tensor.shape));
                continue;
            }

            using var transposed = tensor.t().contiguous();
            var value = $"onnx::MatMul_{draft.Nodes.Count}";
            draft.Tensors.Add(DraftTensor.Of(value, transposed.data<float>().ToArray(), transposed.shape));
            draft.Add("MatMul", ["x", value], [$"{value}_output"]);
            draft.Add("Add", [$"{module}bias", $"{value}_output"], [$"{value}_sum"]);
        }

        var path = Path.Combine(checkpoint.Path, format);
        if (format == OnnxInFolder)
            draft.InFile($"{path}_data");
        draft.Save(path);
        return format == OnnxInFolder ? [format, $"{format}_data"] : [format];
    }

    private static void WriteFile(string path, (string Name, Tensor Tensor)[] tensors)
    {
        if (path.EndsWith(".bin", StringComparison.Ordinal))
        {
            TorchWriter.Write(path, tensors);
            return;
        }

        if (path.EndsWith(".pt", StringComparison.Ordinal))
        {
            TorchWriter.WriteTrainingState(path, tensors);
            return;
        }

        using var stream = File.Create(path);
        SafetensorsWriter.Write(stream, tensors);
    }
}
