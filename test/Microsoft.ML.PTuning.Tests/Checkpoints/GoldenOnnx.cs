using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

/// <summary>An exported encoder in a folder of its own, with the inputs and hidden states that the reference calculated.</summary>
internal sealed class GoldenOnnx : IDisposable
{
    private static readonly string Exports = Path.Combine(GoldenFiles.Root, "onnx");

    private readonly TemporaryDirectory _directory = new();

    /// <param name="name">The golden file's, as in <c>bert</c>.</param>
    /// <param name="rewrite">What to make of the export before it is saved; null to take the file as it is.</param>
    public GoldenOnnx(string name, Func<OnnxDraft, OnnxDraft>? rewrite = null)
        : this(name, rewrite is null ? null : (draft, _) => rewrite(draft), "model.onnx")
    {
    }

    /// <param name="rewrite">Is given the folder as well that the model is saved to.</param>
    /// <param name="fileName">Where the model goes, from the encoder's folder.</param>
    /// <inheritdoc cref="GoldenOnnx(string, Func{OnnxDraft, OnnxDraft}?)"/>
    public GoldenOnnx(string name, Func<OnnxDraft, string, OnnxDraft>? rewrite, string fileName)
    {
        Name = name;
        var golden = Path.Combine(GoldenFiles.Root, "backbones", FileName);
        if (!File.Exists($"{golden}.safetensors") || !Directory.Exists(Exports))
            throw new AssertInconclusiveException($"No golden vectors in '{GoldenFiles.Root}'; PTUNING_GOLDEN names another folder.");

        var configuration = JsonNode.Parse(File.ReadAllText($"{golden}.config.json"))!.AsObject();
        if (name == "xlm-roberta")
            configuration["model_type"] = name;
        File.WriteAllText(_directory.File("config.json"), configuration.ToJsonString());
        using (var stream = File.OpenRead($"{golden}.safetensors"))
        using (var file = SafetensorsFile.Read(stream, name))
            Tensors = file.LoadAll();

        ModelPath = _directory.File(fileName);
        var export = Path.Combine(Exports, $"{FileName}.onnx");
        var draft = File.Exists(export) ? OnnxDraft.Read(export) : WriteDeberta();
        if (rewrite is null && File.Exists(export))
            File.Copy(export, ModelPath);
        else
            (rewrite is null ? draft : rewrite(draft, Path.GetDirectoryName(ModelPath)!)).Save(ModelPath);
    }

    /// <summary>The families with a golden export. XLM-R is RoBERTa over another vocabulary.</summary>
    public static IEnumerable<object[]> Exported => [["bert"], ["roberta"], ["xlm-roberta"], ["electra"], ["distilbert"], ["albert"]];

    /// <summary>All families; those without an export are written by <see cref="DebertaGraph"/>.</summary>
    public static IEnumerable<object[]> Names => [.. Exported, ["deberta"], ["deberta-v2"], ["deberta-v3"]];

    public string Name { get; }

    /// <summary>The golden file's name: XLM-R is RoBERTa's under another model type.</summary>
    public string FileName => Name == "xlm-roberta" ? "roberta" : Name;

    public string Folder => _directory.Path;

    public string ModelPath { get; }

    /// <summary>What the reference was given and what it calculated.</summary>
    public Dictionary<string, Tensor> Tensors { get; }

    public Tensor Expected => Tensors["expect.hidden.last"];

    public Backbone Load() => Backbone.Load(Folder, CPU);

    /// <summary>The last hidden states by our own arithmetic.</summary>
    public Tensor Forward()
    {
        using var backbone = Load();
        var ids = Tensors["input.input_ids"];
        return backbone.Forward(new(
            ids, Tensors.GetValueOrDefault("input.token_type_ids") ?? zeros_like(ids), Tensors["input.attention_mask"].to(ScalarType.Float32)));
    }

    /// <summary>The last hidden states by ONNX Runtime's.</summary>
    public Tensor Judge() => OnnxJudge.Run(ModelPath, Tensors);

    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
        _directory.Dispose();
    }

    private OnnxDraft WriteDeberta()
    {
        const string parameter = "param.";
        var weights = Tensors.Where(pair => pair.Key.StartsWith(parameter, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[parameter.Length..], pair => pair.Value);
        return DebertaGraph.Of((DebertaConfiguration)BackboneConfiguration.Read(Folder), weights, length: Tensors["input.input_ids"].size(1));
    }
}
