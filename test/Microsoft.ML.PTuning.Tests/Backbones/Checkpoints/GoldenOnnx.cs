using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Checkpoints;

/// <summary>An exported encoder in a folder of its own, with the inputs and hidden states that the reference calculated.</summary>
internal sealed class GoldenOnnx : IDisposable
{
    private static readonly string Folder = Path.Combine(GoldenFiles.Root, "onnx");

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
        var source = Path.Combine(Folder, $"{FileOf(name)}.onnx");
        if (!File.Exists(source))
            throw new AssertInconclusiveException($"No exported encoders in '{Folder}'; PTUNING_GOLDEN names another folder.");

        ModelPath = _directory.File(fileName);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(ModelPath)!);
        if (rewrite is null)
            File.Copy(source, ModelPath);
        else
            rewrite(OnnxDraft.Read(source), Path.GetDirectoryName(ModelPath)!).Save(ModelPath);

        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, $"{FileOf(name)}.config.json")))!.AsObject();
        configuration["model_type"] = name;
        File.WriteAllText(_directory.File("config.json"), configuration.ToJsonString());

        using var stream = File.OpenRead(Path.Combine(GoldenFiles.Root, "backbones", $"{FileOf(name)}.safetensors"));
        using var golden = SafetensorsFile.Read(stream, name);
        Tensors = golden.LoadAll();
    }

    /// <summary>The families with a golden export. XLM-R is RoBERTa over another vocabulary.</summary>
    public static IEnumerable<object[]> Names => [["bert"], ["roberta"], ["xlm-roberta"], ["electra"], ["distilbert"], ["albert"]];

    public string Name { get; }

    public string Directory => _directory.Path;

    public string ModelPath { get; }

    /// <summary>What the reference was given and what it calculated.</summary>
    public Dictionary<string, Tensor> Tensors { get; }

    public Tensor Expected => Tensors["expect.hidden.last"];

    public Backbone Load() => Backbone.Load(Directory, CPU);

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

    private static string FileOf(string name) => name == "xlm-roberta" ? "roberta" : name;
}
