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
    /// <param name="backbone">The encoder over them, with its language model's head where the task needs it.</param>
    public static OfficialMethod Of(GoldenEncoder golden, GoldenWeights weights, Backbone backbone) =>
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
        : Has(golden, "mixture") ? Mixture(golden, weights)
        : golden.Name.Contains("p-tuning-v1") ? FirstVersion(golden, weights)
        : Weights(
            golden.Name.Contains(".lora") ? new LowRankAdaptation { Rank = 4, Alpha = 8 } : golden.Name.Contains(".finetune.full") || golden.Name.Contains("pet.finetune") ? new FineTuning() : new BitFit(),
            weights, backbone);

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

    private static OfficialMethod Mixture(GoldenEncoder golden, GoldenWeights weights)
    {
        string[] names = Has(golden, "deltas") ? ["prompts", "mixture", "deltas"] : ["prompts", "mixture"];
        var method = new SoftPromptMixture
        {
            Prompts = (int)weights["prompts"].size(0),
            Length = (int)weights["prompts"].size(1),
            Deep = names.Length > 2,
        };
        return new(method, new DirectParameters(names.ToDictionary(name => name, name => weights[name].clone())), names);
    }

    private static OfficialMethod FirstVersion(GoldenEncoder golden, GoldenWeights weights)
    {
        var (embedding, network) = Has(golden, "prompt_encoder.embedding.weight")
            ? ("prompt_encoder.embedding.weight", "prompt_encoder.")
            : ("prompt_embeddings.weight", "");
        var isLstm = Has(golden, $"{network}lstm_head.weight_ih_l0");
        var head = isLstm ? "mlp_head" : "mlp";
        string[] names =
        [
            embedding, // In the order of LstmPrompt.Parameters and MlpPrompt.Parameters.
            .. from layer in isLstm ? (int[])[0, 1] : []
               from direction in (string[])["", "_reverse"]
               from tensor in (string[])["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
               select $"{network}lstm_head.{tensor}_l{layer}{direction}",
            .. from tensor in (string[])["0.weight", "0.bias", "2.weight", "2.bias"] select $"{network}{head}.{tensor}",
        ];
        var values = new Queue<Tensor>(names.Skip(1).Select(name => weights[name]));
        Initializer next = dimensions =>
        {
            CollectionAssert.AreEqual(dimensions, values.Peek().shape);
            return values.Dequeue().clone();
        };
        var vectors = weights[embedding].clone();
        MethodParameters parameters = isLstm ? new LstmPrompt(vectors, (int)weights[names[2]].size(1), next) : new MlpPrompt(vectors, next);
        return new(new PTuningV1 { Length = (int)vectors.size(0) }, parameters, names);
    }

    private static OfficialMethod Prompt(string name, GoldenWeights weights, TuningMethod method) => new(
        method, new DirectParameters(new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = weights[name].clone() }), [name]);

    /// <summary>A method that changes the encoder's own weights. LoRA begins with the file's matrices.</summary>
    private static OfficialMethod Weights(TuningMethod method, GoldenWeights weights, Backbone backbone)
    {
        using var first = new TrainedTensors();
        foreach (var name in method is LowRankAdaptation ? method.Declare(backbone).Select(tensor => tensor.Name) : [])
            first.Add(name, weights[OfficialName(name)].clone());
        var parameters = method.Create(backbone, new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException(), first));
        return new(method, parameters, [.. parameters.Values().Keys.Select(OfficialName)]);

        string OfficialName(string saved)
        {
            var key = saved[TrainedTensors.OfBackbone("").Length..];
            return backbone.LanguageHead?.Tensors.Has(key) == true ? key : BackboneFamilies.Find(backbone.Configuration.ModelType)!.Keys.Prefix + key;
        }
    }
}
