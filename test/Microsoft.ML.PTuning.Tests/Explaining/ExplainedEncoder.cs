using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Explaining;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Explaining;

/// <summary>A tiny encoder of 3 layers under a random prefix of 2 positions in the first and the last.</summary>
internal sealed class ExplainedEncoder : IDisposable
{
    public const int Positions = 2, Heads = 2, Layers = 3;

    public static readonly int[] PrefixLayers = [0, 2];

    private readonly TinyCheckpoint _checkpoint;
    private readonly TrainedTensors _tensors = new();

    /// <param name="family">As in <see cref="DebertaCheckpoints"/>, or a model type.</param>
    public ExplainedEncoder(string family)
    {
        _checkpoint = CheckpointOf(family).Save();
        Backbone = _checkpoint.Load();
        Encoder = new DeepPrefix { PrefixLength = Positions, PrefixLayers = LayerSelection.Of(PrefixLayers), PositionOffset = PositionOffset.Prefix }.Adapt(Backbone);
        _tensors.Add(TrainedTensors.Prefix, new Draw().Normal(Positions, PrefixLayers.Length, 2, Heads, 4));
    }

    public static IReadOnlyList<string> Families { get; } =
        ["bert", "roberta", "xlm-roberta", "albert", "electra", "distilbert", "deberta", "deberta-v2", "deberta-v3", "gpt2", "glm", "chatglm"];

    /// <summary>Rows of 3, 2 and 4 tokens.</summary>
    public static EncodedRow[] Rows { get; } = [Row(2, 9, 3), Row(2, 3), Row(2, 14, 8, 3)];

    public Backbone Backbone { get; }

    public PromptedEncoder Encoder { get; }

    /// <summary>The prefix's keys in a layer, <c>[P, h, D]</c>.</summary>
    public Tensor KeysOf(int layer) => _tensors[TrainedTensors.Prefix].select(1, Array.IndexOf(PrefixLayers, layer)).select(1, 0);

    /// <summary>A tensor of the checkpoint.</summary>
    public Tensor Weight(string name) => _checkpoint.Tensors[BackboneFamilies.Find(Backbone.Configuration.ModelType)!.Keys.Prefix is var prefix
        && _checkpoint.Tensors.ContainsKey(prefix + name) ? prefix + name : name];

    public PrefixReport Measure(params int[][] batches) =>
        new PrefixMasses(Encoder, _tensors, padId: 0, CPU).Measure(Rows, batches, Rows.Length, checkCancelled: () => { });

    /// <summary>The input of a layer for one row, without padding: <c>[T, H]</c>.</summary>
    public Tensor InputOf(int layer, EncodedRow row)
    {
        var batch = EncodedRow.Collate([row], padId: 0, CPU);
        var tuning = Encoder.Method.Tune(Backbone, _tensors, rows: 1, dropout: null);
        return Backbone.RunLayers(Backbone.Embed(batch, Encoder.ReservedPositions), batch, tuning, 0, layer)[0];
    }

    /// <summary>The hidden states of all rows in one batch.</summary>
    /// <param name="observe">As in <see cref="Tuning.OnProbabilities"/>.</param>
    public Tensor Forward(Action<int, Tensor>? observe)
    {
        var batch = EncodedRow.Collate(Rows, padId: 0, CPU);
        return Encoder.Forward(batch, Encoder.Method.Tune(Backbone, _tensors, batch.Rows, dropout: null) with { OnProbabilities = observe });
    }

    public void Dispose()
    {
        _tensors.Dispose();
        Backbone.Dispose();
        _checkpoint.Dispose();
    }

    private static EncodedRow Row(params int[] ids) => new(ids, new int[ids.Length]);

    private static TinyCheckpoint CheckpointOf(string family) => family switch
    {
        "deberta" or "deberta-v2" or "deberta-v3" => DebertaCheckpoints.Create(family),
        "gpt2" => new("gpt2", bend: configuration =>
        {
            (configuration["n_embd"], configuration["n_layer"], configuration["n_head"]) = (8, Layers, Heads);
            (configuration["n_positions"], configuration["activation_function"]) = (16, "gelu_new");
        }),
        _ => new(family),
    };
}
