using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>A golden file and its encoder, which has gone through a Hugging Face directory and the loading that users get.</summary>
internal sealed class GoldenEncoder : IDisposable
{
    private readonly TemporaryDirectory _directory;
    private readonly string _weights;

    /// <param name="path">The golden file without <c>.safetensors</c>.</param>
    /// <param name="weights">What the names of its weights begin with.</param>
    /// <param name="isEncoder">Which weights, by their name in the checkpoint, go into the directory; null for all.</param>
    public GoldenEncoder(string path, string weights, Func<string, bool>? isEncoder = null)
        : this($"{path}.config.json", Path.GetFileName(path), ReadWithBase(path), weights, isEncoder)
    {
    }

    private GoldenEncoder(string configuration, string name, Dictionary<string, Tensor> tensors, string weights, Func<string, bool>? isEncoder)
    {
        var family = JsonDocument.Parse(File.ReadAllText(configuration)).RootElement.GetProperty("model_type").GetString()!;
        if (BackboneFamilies.Find(family) is null)
            throw new AssertInconclusiveException($"The family {family} is not built yet.");

        _directory = new TemporaryDirectory();
        (_weights, Name, Tensors) = (weights, name, tensors);
        File.Copy(configuration, _directory.File("config.json"));
        using (var checkpoint = File.Create(_directory.File("model.safetensors")))
        {
            SafetensorsWriter.Write(checkpoint, [.. Tensors
                .Where(pair => pair.Key.StartsWith(weights, StringComparison.Ordinal))
                .Select(pair => (Name: pair.Key[weights.Length..], pair.Value))
                .Where(pair => isEncoder?.Invoke(pair.Name) ?? true)]);
        }

        var ids = Tensors.GetValueOrDefault("input.input_ids") ?? Tensors.GetValueOrDefault("input.queries") ?? Tensors["input.multi.input_ids"];
        Batch = new EncodedBatch(
            ids, Tensors.GetValueOrDefault("input.token_type_ids") ?? zeros_like(ids),
            (Tensors.GetValueOrDefault("input.attention_mask") ?? ones_like(ids)).to(ScalarType.Float32));
    }

    /// <summary>The file's name without its ending, which tells family, method and task.</summary>
    public string Name { get; }

    /// <summary>The Hugging Face directory.</summary>
    public string Directory => _directory.Path;

    public Dictionary<string, Tensor> Tensors { get; }

    public EncodedBatch Batch { get; }

    /// <summary>Terms of the longest sum: over the inputs of a linear layer, or over the batch's tokens in a gradient.</summary>
    public long LongestSum => Tensors
        .Where(pair => pair.Key.StartsWith(_weights, StringComparison.Ordinal)).Select(pair => pair.Value.numel() / pair.Value.shape[0])
        .Append(Batch.Ids.numel()).Max();

    /// <summary>The weights in F32.</summary>
    /// <param name="change">Changes a weight of the encoder in place; null to leave all as they are.</param>
    public GoldenWeights InF32(Action<string, Tensor>? change = null) => new(
        change is null ? Backbone.Load(_directory.Path, CPU) : TypedEncoder.Load(_directory.Path, ScalarType.Float32, change),
        name => Weight(name).clone());

    /// <summary>The weights in F64.</summary>
    /// <param name="noise">Moves them; null for none.</param>
    public GoldenWeights InF64(WeightNoise? noise = null)
    {
        return new(TypedEncoder.Load(_directory.Path, ScalarType.Float64, (_, weight) => Move(weight)), name => Move(Weight(name).to(ScalarType.Float64)));

        Tensor Move(Tensor weight) => noise?.Move(weight) ?? weight;
    }

    /// <summary>
    /// A model of Hugging Face's PEFT, under the names that the adapter has in a file: <c>bert.encoder....query.lora_A.weight</c>, <c>classifier.weight</c>.
    /// </summary>
    /// <param name="path">The golden file without <c>.safetensors</c>; the folder of its base, named by the family, lies beside it.</param>
    public static GoldenEncoder OfPeft(string path)
    {
        var folder = Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileName(path).Split('.')[0]);
        var tensors = Read(path).ToDictionary(
            pair => pair.Key.Replace("base_model.model.", "").Replace("modules_to_save.", "").Replace(".default", ""), pair => pair.Value);
        foreach (var (name, tensor) in Read(Path.Combine(folder, "model")))
            if (!tensors.TryAdd($"init.{name}", tensor))
                tensor.Dispose();
        tensors.TryAdd("input.token_type_ids", zeros_like(tensors["input.input_ids"]));
        return new(
            Path.Combine(folder, "config.json"), Path.GetFileName(path), tensors, "init.", name => IsOfTheEncoder(name) && !name.Contains(".lora_"));
    }

    private static Dictionary<string, Tensor> ReadWithBase(string path)
    {
        var tensors = Read(path);
        foreach (var (name, tensor) in ReadBase(path).Where(pair => pair.Key.StartsWith("init.", StringComparison.Ordinal)))
            if (!tensors.TryAdd(name, tensor))
                tensor.Dispose();
        if (Path.GetFileName(path).Split('.')[0] is "glm" or "chatglm")
            return tensors.ToDictionary(pair => WithoutParts(pair.Key), pair => pair.Value);
        return tensors.Keys.Any(name => name.StartsWith("init.prefix.", StringComparison.Ordinal)) ? WithoutWrapper(tensors) : tensors;
    }

    /// <summary>The names of GLM's cases, without those of the parts that hold encoder, head, prompt or prefix.</summary>
    private static string WithoutParts(string name) => name
        .Replace(".task.", ".").Replace(".model.", ".").Replace(".prompt_spell.", ".").Replace(".transformer.prefix_encoder.", ".prefix_encoder.");

    /// <summary>Li &amp; Liang's code wraps the language model, whose buffers it does not count among its parameters.</summary>
    private static Dictionary<string, Tensor> WithoutWrapper(Dictionary<string, Tensor> tensors)
    {
        const string Wrapper = "init.model.", Words = "init.model.shared.weight", Bias = "init.final_logits_bias";
        var unwrapped = tensors.ToDictionary(pair => pair.Key.StartsWith(Wrapper, StringComparison.Ordinal) ? "init." + pair.Key[Wrapper.Length..] : pair.Key, pair => pair.Value);
        if (unwrapped.TryGetValue(Words, out var words))
            unwrapped.TryAdd(Bias, zeros(1, words.size(0)));
        return unwrapped;
    }

    private static Dictionary<string, Tensor> Read(string path)
    {
        using var stream = File.OpenRead($"{path}.safetensors");
        using var file = SafetensorsFile.Read(stream, path);
        return file.LoadAll();
    }

    /// <summary>The file whose weights a case of a method shares; its configuration names it.</summary>
    private static Dictionary<string, Tensor> ReadBase(string path)
    {
        using var configuration = JsonDocument.Parse(File.ReadAllText($"{path}.config.json"));
        return configuration.RootElement.TryGetProperty("base", out var name)
            ? Read(Path.Combine(Path.GetDirectoryName(path)!, name.GetString()!))
            : [];
    }

    private Tensor Weight(string name) => Tensors[_weights + name];

    /// <summary>Whether an official model's tensor is its encoder's: not what the method adds, nor the pooler that DeBERTa's models train.</summary>
    public static bool IsOfTheEncoder(string weight) =>
        BackboneFamilies.All.Any(family => weight.StartsWith(family.Keys.Prefix, StringComparison.Ordinal))
        || ((string[])["cls.", "word_embeddings.", "lm_head."]).Any(beginning => weight.StartsWith(beginning, StringComparison.Ordinal))
        || weight == "final_logits_bias";

    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
        _directory.Dispose();
    }
}
