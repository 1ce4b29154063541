using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Methods;
using PretrainEncoder.Data;
using static TorchSharp.torch;

namespace PretrainEncoder.Models;

/// <summary>Writes a model as a folder of Hugging Face. Each file is written whole or not at all, the weights last.</summary>
internal sealed class ModelFiles(Settings settings, Corpus corpus)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly string OwnPrefix = TrainedTensors.OfBackbone("");

    /// <summary>The whole folder; weights that are there are replaced.</summary>
    public void Write(string folder, TrainedTensors weights)
    {
        WriteDescription(folder);
        SafetensorsStorage storage = settings.HalfPrecision ? SafetensorsStorage.F16 : SafetensorsStorage.F32;
        WriteWeights(folder, [.. weights.Select(weight => (KeyOf(weight.Key[OwnPrefix.Length..]), weight.Value))], storage);
    }

    /// <summary>All but the weights.</summary>
    public void WriteDescription(string folder)
    {
        Directory.CreateDirectory(folder);
        WriteJson(Path.Combine(folder, BackboneConfiguration.FileName), settings.Model.Configuration(settings, corpus));
        WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject
        {
            ["tokenizer_class"] = "BertTokenizer",
            ["do_lower_case"] = !corpus.Vocabulary.Ids.Keys.Any(token => !token.StartsWith('[') && token.Any(char.IsUpper)),
            ["model_max_length"] = settings.Positions,
        });
        byte[] vocabulary = File.ReadAllBytes(corpus.Vocabulary.Source);
        WholeFile.Write(Path.Combine(folder, Corpus.VocabularyFile), stream => stream.Write(vocabulary));
    }

    /// <param name="weights">Under the keys of the checkpoint.</param>
    public static void WriteWeights(string folder, IReadOnlyList<(string Key, Tensor Tensor)> weights, SafetensorsStorage storage) =>
        WholeFile.Write(
            Path.Combine(folder, "model.safetensors"),
            stream => SafetensorsWriter.Write(stream, weights, storage, new Dictionary<string, string> { ["format"] = "pt" }));

    /// <summary>The key of a tensor in the checkpoint of the whole language model.</summary>
    /// <param name="name">As the family declares it for the encoder, or the language model's head.</param>
    public string KeyOf(string name)
    {
        CheckpointNames keys = BackboneFamilies.Find(settings.Model.ModelType)!.Keys;
        return keys.Heads.Any(head => name.StartsWith(head, StringComparison.Ordinal)) ? name : keys.Prefix + name;
    }

    private static void WriteJson(string path, JsonObject content) =>
        WholeFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(content.ToJsonString(Indented) + "\n")));
}
