using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>LoRA (Hu et al. 2022): products of two small matrices, B and A, are added to some weights of the encoder.</summary>
/// <remarks>
/// <para>
/// A linear layer <c>x Wᵀ + b</c> becomes <c>x Wᵀ + b + (Alpha / Rank) · (x Aᵀ) Bᵀ</c>. A starts at random and B at 0, so training starts from the
/// encoder as it is. There is no dropout on x.
/// </para>
/// <para>Rows of several such models share a batch if they have the same <see cref="Targets"/> and <see cref="Layers"/>; ranks may differ.</para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new LowRankAdaptation { Rank = 8, Targets = LowRankTargets.Queries | LowRankTargets.Values },
/// });
/// </code>
/// </example>
public sealed class LowRankAdaptation : TuningMethod, IJsonOnDeserialized
{
    internal const string Kind = "lora";

    /// <summary>The rank of the products, r.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>The products are multiplied by <c>Alpha / Rank</c>.</summary>
    public double Alpha { get; init; } = 16;

    /// <summary>Which linear layers are changed.</summary>
    public LowRankTargets Targets { get; init; } = LowRankTargets.Queries | LowRankTargets.Values;

    /// <summary>How many layers of the encoder, counted from the top, are changed; 0 for all.</summary>
    public int Layers { get; init; }

    /// <summary>
    /// Whether the trained model holds the changed weights themselves, W + (Alpha / Rank) · BA. Over most encoders it scores as fast as the encoder alone (over DeBERTa not quite), and gives the same
    /// scores but for rounding, but is larger, shares no batch, and cannot be the <c>InitialModel</c> of another training by this method. Its
    /// <see cref="PTuningV2Transformer.Method"/> is <c>fine-tuning</c>.
    /// </summary>
    public bool Merge { get; init; }

    internal override double? UsualLearningRate => 2e-3;

    internal override bool ChangesWeights => true;

    internal override bool Stacks => true;

    internal override object StackKey => (GetType(), Targets);

    private double Scale => Alpha / Rank;

    /// <summary>The smallest change of this kind that changes some linear layers of an encoder.</summary>
    /// <param name="modules">Their names, as the family calls them.</param>
    /// <returns>Null if the encoder's layers have none of them.</returns>
    internal static LowRankAdaptation? Of(Backbone backbone, IReadOnlySet<string> modules, int rank, double alpha)
    {
        var layers = Enumerable.Range(0, backbone.Configuration.Layers).Select(layer => PartsOf(backbone.LinearNames(layer))).ToArray();
        var targets = LowRankTargets.None;
        foreach (var (target, module) in layers.SelectMany(parts => parts).DistinctBy(part => part.Module)) // One module may stand for three targets.
            if (modules.Contains(module))
                targets |= target;
        var first = Array.FindIndex(layers, parts => parts.Any(part => modules.Contains(part.Module)));
        return first < 0 ? null : new() { Rank = rank, Alpha = alpha, Targets = targets, Layers = first == 0 ? 0 : layers.Length - first };
    }

    /// <summary>The linear layers that are changed, as the family calls them.</summary>
    internal IReadOnlyList<string> ModulesIn(Backbone backbone) => [.. TargetsIn(backbone).Select(target => target.Module)];

    internal override int FirstTunedLayer(Backbone backbone) => Layers == 0 ? 0 : backbone.Configuration.Layers - Layers;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) =>
        [.. TargetsIn(backbone).SelectMany(target => new TensorDeclaration[] { new(target.A, [Rank, target.From]), new(target.B, [target.To, Rank]) })];

    /// <remarks>
    /// A is normal, as in the paper, with the variance that the paper's code gives it (Kaiming uniform: 1 / 3 of 1 / inputs).
    /// </remarks>
    internal override MethodParameters Create(Backbone backbone, FirstValues first)
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach (var target in TargetsIn(backbone))
        {
            var deviation = 1 / Math.Sqrt(3.0 * target.From);
            tensors[target.A] = first.Of(target.A, shape => first.Weight(shape).Times(deviation / Initializers.StandardDeviation))(Rank, target.From);
            tensors[target.B] = first.Of(target.B, shape => first.Weight(shape).zero_())(target.To, Rank);
        }
        return new DirectParameters(tensors);
    }

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout)
    {
        var changes = new WeightChanges();
        foreach (var target in TargetsIn(backbone))
            changes.Add(target.Weight, new(tensors[target.A], tensors[target.B], Scale));
        return new(Weights: changes);
    }

    /// <remarks>Each row gets the matrices of its model. Those of lower rank are padded with zeros, and each B has its model's scale.</remarks>
    internal override Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models)
    {
        var changes = new WeightChanges();
        foreach (var target in TargetsIn(backbone))
        {
            var rank = models.Max(m => m.Tensors[target.A].size(0));
            var a = models.Select(m => Padded(m.Tensors[target.A], rank, dimension: 0).expand(m.Rows, -1, -1));
            var b = models.Select(m => Padded(m.Tensors[target.B], rank, dimension: 1).Times(((LowRankAdaptation)m.Method).Scale).expand(m.Rows, -1, -1));
            changes.Add(target.Weight, new(cat([.. a], 0), cat([.. b], 0), Scale: 1));                    // [B, r, from] and [B, to, r]
        }
        return new(Weights: changes);
    }

    internal override (TuningMethod Method, TrainedTensors Tensors) Finish(Backbone backbone, TrainedTensors tensors)
    {
        if (!Merge)
            return base.Finish(backbone, tensors);

        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        Target[] targets = [.. TargetsIn(backbone)];
        var merged = new TrainedTensors();
        foreach (var target in targets)
        {
            var product = matmul(tensors[target.B], tensors[target.A]).Times(Scale);                          // [to, from]
            merged.Add(TrainedTensors.OfBackbone(target.Key), target.Weight.ToTrainedType().Plus(target.IsTransposed ? product.t() : product).contiguous());
        }
        foreach (var (name, tensor) in tensors.Where(pair => !targets.Any(target => pair.Key == target.A || pair.Key == target.B)))
            merged.Add(name, tensor.clone());
        return (new FineTuning { Keys = [.. targets.Select(target => target.Key)] }, merged);
    }

    internal override string? FindMisfit(Backbone backbone, int maxLength, int decoderLength = 0)
    {
        var layers = backbone.Configuration.Layers;
        if (Layers > layers)
            return $"Layers is {Layers}, but the backbone has {layers} layers. Use {layers} or less, or 0 for all.";
        if (Layers > 0 && backbone.LinearNames(0) == backbone.LinearNames(layers - 1) && layers > 1)
            return $"Layers is {Layers}, but the layers of this {backbone.Configuration.ModelType} backbone share their weights. Use 0 for all.";

        var largest = TargetsIn(backbone).Min(target => Math.Min(target.From, target.To));
        return Rank > largest
            ? $"Rank is {Rank}, but a weight that it changes has {largest} inputs or outputs. Use {largest} or less; 4 to 16 are usual."
            : base.FindMisfit(backbone, maxLength, decoderLength);
    }

    internal override void Check()
    {
        OptionRange.AtLeast(Rank, 1);
        OptionRange.AtLeast(Layers, 0);
        if (!(Alpha > 0 && double.IsFinite(Alpha)))
            throw new ArgumentOutOfRangeException(nameof(Alpha), Alpha, "Alpha must be a positive number; twice the Rank is usual.");
        if (Targets == LowRankTargets.None || (Targets & ~LowRankTargets.All) != 0)
            throw new ArgumentOutOfRangeException(
                nameof(Targets), Targets, $"Targets must be one or several of {string.Join(", ", Enum.GetNames<LowRankTargets>().Skip(1))}.");
    }

    /// <remarks>Saved models are not merged; the new one may be.</remarks>
    internal override IReadOnlyList<string> DifferencesFrom(TuningMethod expected, Backbone backbone) => Merge
        ? new LowRankAdaptation { Rank = Rank, Alpha = Alpha, Targets = Targets, Layers = Layers }.DifferencesFrom(expected, backbone)
        : base.DifferencesFrom(expected, backbone);

    void IJsonOnDeserialized.OnDeserialized() => Check();

    private IEnumerable<Target> TargetsIn(Backbone backbone)
    {
        var first = FirstTunedLayer(backbone);
        return from layer in Enumerable.Range(first, backbone.Configuration.Layers - first).Select(backbone.LinearNames).Distinct()
               from module in ModulesOf(layer).Distinct()
               select new Target(module, backbone.Tensors[$"{module}.weight"], layer.IsTransposed);
    }

    private IEnumerable<string> ModulesOf(LinearNames layer) => from part in PartsOf(layer) where Targets.HasFlag(part.Target) select part.Module;

    private static (LowRankTargets Target, string Module)[] PartsOf(LinearNames layer) =>
    [
        (LowRankTargets.Queries, layer.Query),
        (LowRankTargets.Keys, layer.Key),
        (LowRankTargets.Values, layer.Value),
        (LowRankTargets.AttentionOutput, layer.AttentionOutput),
        .. new[] { layer.Intermediate, layer.Output }.OfType<string>().Select(module => (LowRankTargets.FeedForward, module)),
    ];

    private static Tensor Padded(Tensor matrix, long rank, int dimension)
    {
        var missing = rank - matrix.size(dimension);
        return missing == 0 ? matrix : nn.functional.pad(matrix, dimension == 0 ? [0, 0, 0, missing] : [0, missing]);
    }

    /// <summary>A linear layer that is changed.</summary>
    /// <param name="Weight">The encoder's own weight.</param>
    /// <param name="IsTransposed">Whether that is <c>[from, to]</c>, not <c>[to, from]</c>.</param>
    private sealed record Target(string Module, Tensor Weight, bool IsTransposed)
    {
        public string Key => $"{Module}.weight";

        public string A => TrainedTensors.LowRankA(Module);

        public string B => TrainedTensors.LowRankB(Module);

        public long From => Weight.size(IsTransposed ? 0 : 1);

        public long To => Weight.size(IsTransposed ? 1 : 0);
    }
}
