using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>The method of an official model, with the file's first values.</summary>
/// <param name="Names">The official names of the parameters, in their order.</param>
internal sealed record OfficialMethod(TuningMethod Method, MethodParameters Parameters, IReadOnlyList<string> Names)
{
    /// <summary>The vectors of PEFT's methods.</summary>
    private const string PeftVectors = "prompt_encoder.embedding.weight";

    private const string Embedding = "prefix_encoder.embedding.weight", Prompts = "prompts.weight", ShallowPrompts = "prefix_encoder.weight";

    private const string SpellPrompts = "spell_embeddings.weight";

    /// <summary>The embeddings of each stack's prefix, and the network over them, in the order of <see cref="ProjectedPrefix"/>.</summary>
    private static readonly (string Embedding, string Network)[] Networks =
    [
        (Embedding, "prefix_encoder.trans"),
        (PeftVectors, "prompt_encoder.transform"),
        ("prefix.wte_enc.weight", "prefix.control_trans_enc"),
        ("prefix.wte.weight", "prefix.control_trans"),
        ("prefix.wte2.weight", "prefix.control_trans2"),
    ];

    /// <param name="weights">Its weights, in the type to compute in.</param>
    /// <param name="backbone">The encoder over them, with its language model's head where the task needs it.</param>
    public static OfficialMethod Of(GoldenEncoder golden, GoldenWeights weights, Backbone backbone) =>
        StacksOf(golden).Length > 0 || FlatPrefix(golden) is not null ? Prefix(golden, weights)
        : golden.Name.EndsWith(".prompt-tuning", StringComparison.Ordinal) && Has(golden, PeftVectors)
            ? Prompt(PeftVectors, weights, new PromptTuning { Length = (int)weights[PeftVectors].size(0) })
        : golden.Name.Contains(".p-tuning.") ? PeftNetwork(golden, weights)
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
        : golden.Name.EndsWith("prompt-spell.none", StringComparison.Ordinal)
            ? Prompt(SpellPrompts, weights, new PromptTuning { Length = (int)weights[SpellPrompts].size(0) })
        : golden.Name.Contains("p-tuning-v1") || Has(golden, SpellPrompts) ? FirstVersion(golden, weights)
        : Weights(
            golden.Name.Contains(".lora") ? new LowRankAdaptation { Rank = 4, Alpha = 8 }
                : golden.Name.Contains(".finetune.full") || golden.Name.Contains("pet.finetune") ? new FineTuning()
                : golden.Name.StartsWith("glm.", StringComparison.Ordinal)
                    ? new FineTuning { Keys = [.. backbone.Tensors.Names.Where(key => golden.Tensors.ContainsKey($"expect.grad.{key}"))] }
                : new BitFit(),
            golden, weights, backbone);

    /// <summary>The prefix as the official model computes it from its first values: the embedding, or the network's output for it. Null where it has none.</summary>
    public static Tensor? FirstPrefix(GoldenEncoder golden, GoldenWeights weights)
    {
        var encoder = weights.Backbone.Configuration;
        if (StacksOf(golden) is { Length: > 0 } stacks)
            return InLayers(weights.Backbone, [.. stacks.Select(Projected)]);
        return FlatPrefix(golden) is { } name ? Split(weights[name]) : null;

        Tensor Projected((string Embedding, string Network) of)
        {
            var inner = (matmul(weights[of.Embedding], weights[$"{of.Network}.0.weight"].t()) + weights[$"{of.Network}.0.bias"]).tanh();
            return Split(matmul(inner, weights[$"{of.Network}.2.weight"].t()) + weights[$"{of.Network}.2.bias"]);
        }

        Tensor Split(Tensor flat) => flat.view(flat.size(0), -1, 2, encoder.Heads, encoder.HeadSize); // [P, L, 2, h, D]
    }

    private static (string Embedding, string Network)[] StacksOf(GoldenEncoder golden) =>
        [.. Networks.Where(of => Has(golden, of.Embedding) && Has(golden, $"{of.Network}.0.weight"))];

    /// <summary>The name of a prefix without a network; null where there is none.</summary>
    private static string? FlatPrefix(GoldenEncoder golden) =>
        Has(golden, Embedding) ? Embedding
        : golden.Name.EndsWith(".prefix-tuning", StringComparison.Ordinal) && Has(golden, PeftVectors) ? PeftVectors
        : null;

    /// <summary>The prefixes of stacks in the order of the encoder's layers.</summary>
    private static Tensor InLayers(Backbone backbone, Tensor[] stacks)
    {
        var next = new int[stacks.Length];
        return stack(Enumerable.Range(0, backbone.Configuration.Layers).Select(layer => stacks[backbone.StackOf(layer)].select(1, next[backbone.StackOf(layer)]++)), 1);
    }

    private static bool Has(GoldenEncoder golden, string name) => golden.Tensors.ContainsKey($"init.{name}");

    private static OfficialMethod Prefix(GoldenEncoder golden, GoldenWeights weights)
    {
        var stacks = StacksOf(golden);
        string[] names = stacks.Length == 0
            ? [FlatPrefix(golden)!]
            : [.. stacks.SelectMany(of => (string[])[of.Embedding, $"{of.Network}.0.weight", $"{of.Network}.0.bias", $"{of.Network}.2.weight", $"{of.Network}.2.bias"])];
        var values = new Queue<Tensor>(names.Select(name => weights[name]));
        var method = new DeepPrefix { PrefixLength = (int)weights[names[0]].size(0) };
        var shape = method.ShapeFor(weights.Backbone);
        Initializer next = dimensions =>
        {
            CollectionAssert.AreEqual(dimensions, values.Peek().shape);
            return values.Dequeue().clone();
        };
        MethodParameters parameters = stacks.Length == 0
            ? new EmbeddedPrefix(shape, next)
            : new ProjectedPrefix(shape, (int)weights[$"{stacks[0].Network}.0.bias"].size(0), next, next, stacks: shape.Stacks(weights.Backbone));
        return new(method, parameters, names);
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
            : (Has(golden, SpellPrompts) ? SpellPrompts : "prompt_embeddings.weight", "");
        var isLstm = Has(golden, $"{network}lstm_head.weight_ih_l0");
        var head = Has(golden, $"{network}mlp_head.0.weight") ? "mlp_head" : "mlp";
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

    private static OfficialMethod PeftNetwork(GoldenEncoder golden, GoldenWeights weights)
    {
        const string Initial = "init.", Encoder = "prompt_encoder.";
        string[] names = [.. golden.Tensors.Keys
            .Where(name => name.StartsWith(Initial + Encoder, StringComparison.Ordinal)).Select(name => name[Initial.Length..])];
        var network = new PeftPromptNetwork(names.ToDictionary(name => name[Encoder.Length..], name => weights[name].clone()));
        return new(new PTuningV1 { Length = (int)weights[PeftVectors].size(0) }, network, names);
    }

    private static OfficialMethod Prompt(string name, GoldenWeights weights, TuningMethod method) => new(
        method, new DirectParameters(new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = weights[name].clone() }), [name]);

    /// <summary>A method that changes the encoder's own weights. LoRA begins with the file's matrices.</summary>
    private static OfficialMethod Weights(TuningMethod method, GoldenEncoder golden, GoldenWeights weights, Backbone backbone)
    {
        using var first = new TrainedTensors();
        foreach (var name in method is LowRankAdaptation ? method.Declare(backbone).Select(tensor => tensor.Name) : [])
            first.Add(name, weights[OfficialName(name)].clone());
        var parameters = method.Create(backbone, new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException(), first));
        return new(method, parameters, [.. parameters.Values().Keys.Select(OfficialName)]);

        string OfficialName(string saved)
        {
            var key = saved[TrainedTensors.OfBackbone("").Length..];
            return backbone.LanguageHead?.Tensors.Has(key) == true || Has(golden, key)
                ? key
                : BackboneFamilies.Find(backbone.Configuration.ModelType)!.Keys.Prefix + key;
        }
    }
}
