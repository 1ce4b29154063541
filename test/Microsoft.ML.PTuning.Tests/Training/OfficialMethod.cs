using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>The method of an official model, with the file's first values.</summary>
/// <param name="Names">The official names of the parameters, in their order.</param>
internal sealed record OfficialMethod(TuningMethod Method, MethodParameters Parameters, IReadOnlyList<string> Names)
{
    private const string Embedding = "prefix_encoder.embedding.weight", Prompts = "prompts.weight", ShallowPrompts = "prefix_encoder.weight";

    private static readonly string[] Network =
        ["prefix_encoder.trans.0.weight", "prefix_encoder.trans.0.bias", "prefix_encoder.trans.2.weight", "prefix_encoder.trans.2.bias"];

    /// <param name="weights">Its weights, in the type to compute in.</param>
    public static OfficialMethod Of(GoldenEncoder golden, GoldenWeights weights) =>
        Has(golden, Embedding) ? Prefix(golden, weights)
        : Has(golden, Prompts) ? Prompt(Prompts, weights, new PromptTuning
        {
            Length = (int)weights[Prompts].size(0),
            Placement = golden.Name.Contains("after-cls") ? PromptPlacement.AfterFirstToken : PromptPlacement.BeforeText,
            ReadsPrompt = golden.Name.Contains("pool-first"),
        })
        : Has(golden, ShallowPrompts) ? Prompt(ShallowPrompts, weights, new PromptTuning
        {
            Length = (int)weights[ShallowPrompts].size(0),
            EmbedsTwice = true,
        })
        : Weights(
            golden.Name.Contains(".lora") ? new LowRankAdaptation { Rank = 4, Alpha = 8 } : golden.Name.Contains(".finetune.full") ? new FineTuning() : new BitFit(),
            weights);

    /// <summary>The prefix as the official model computes it from its first values: the embedding, or the network's output for it. Null where it has none.</summary>
    public static Tensor? FirstPrefix(GoldenEncoder golden, GoldenWeights weights)
    {
        if (!Has(golden, Embedding))
            return null;

        var flat = weights[Embedding];
        if (Has(golden, Network[0]))
        {
            flat = matmul(flat, weights[Network[0]].t()) + weights[Network[1]];
            flat = matmul(flat.tanh(), weights[Network[2]].t()) + weights[Network[3]];
        }
        var encoder = weights.Backbone.Configuration;
        return flat.view(flat.size(0), encoder.Layers, 2, encoder.Heads, encoder.HeadSize); // [P, L, 2, h, D]
    }

    private static bool Has(GoldenEncoder golden, string name) => golden.Tensors.ContainsKey($"init.{name}");

    private static OfficialMethod Prefix(GoldenEncoder golden, GoldenWeights weights)
    {
        string[] names = Has(golden, Network[0]) ? [Embedding, .. Network] : [Embedding]; // In the order of PrefixParameters.Parameters.
        var values = new Queue<Tensor>(names.Select(name => weights[name]));
        var method = new DeepPrefix { PrefixLength = (int)weights[Embedding].size(0) };
        var shape = method.ShapeFor(weights.Backbone);
        Initializer next = dimensions =>
        {
            CollectionAssert.AreEqual(dimensions, values.Peek().shape);
            return values.Dequeue().clone();
        };
        return new(method, names.Length > 1 ? new ProjectedPrefix(shape, (int)weights[Network[1]].size(0), next, next) : new EmbeddedPrefix(shape, next), names);
    }

    private static OfficialMethod Prompt(string name, GoldenWeights weights, TuningMethod method) => new(
        method, new DirectParameters(new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = weights[name].clone() }), [name]);

    /// <summary>A method that changes the encoder's own weights. LoRA begins with the file's matrices.</summary>
    private static OfficialMethod Weights(TuningMethod method, GoldenWeights weights)
    {
        using var first = new TrainedTensors();
        foreach (var name in method is LowRankAdaptation ? method.Declare(weights.Backbone).Select(tensor => tensor.Name) : [])
            first.Add(name, weights[OfficialName(name)].clone());
        var parameters = method.Create(weights.Backbone, new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException(), first));
        return new(method, parameters, [.. parameters.Values().Keys.Select(OfficialName)]);

        string OfficialName(string saved) =>
            BackboneFamilies.Find(weights.Backbone.Configuration.ModelType)!.Keys.Prefix + saved[TrainedTensors.OfBackbone("").Length..];
    }
}
