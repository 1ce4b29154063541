using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>P-Tuning v2 (Liu et al. 2022): trained keys and values before those of the text, in every layer or in the top ones.</summary>
internal sealed class DeepPrefix : TuningMethod, IJsonOnDeserialized
{
    public const string Kind = "p-tuning-v2";

    /// <summary>P, 1 or more.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>Which layers have a prefix.</summary>
    public LayerSelection PrefixLayers { get; init; }

    public PositionOffset PositionOffset { get; init; }

    /// <summary>Whether a <see cref="PrefixGate"/> per layer and head is trained, too.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Gate { get; init; }

    /// <summary>
    /// How many vectors per layer there were in training, where some were cut since; null for <see cref="PrefixLength"/>. The text keeps its positions.
    /// </summary>
    public int? TrainedLength { get; init; }

    /// <summary>What the prefix is before training; a model does not need it.</summary>
    [JsonIgnore]
    public PromptStart Start { get; init; }

    /// <summary>The text of <see cref="PromptStart.Text"/>.</summary>
    [JsonIgnore]
    public string? StartText { get; init; }

    internal override int ReservedPositions => PositionOffset == PositionOffset.Prefix ? TrainedLength ?? PrefixLength : 0;

    public PrefixShape ShapeFor(Backbone backbone) => PrefixShape.For(backbone.Configuration, PrefixLength, PrefixLayers);

    internal override bool Stacks => true;

    internal override object StackKey => (GetType(), PrefixLayers.TopCount is null ? PrefixLayers : LayerSelection.All); // The first layer tells the top ones.

    internal override int FirstTunedLayer(Backbone backbone) => ShapeFor(backbone).FirstLayer;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone)
    {
        var shape = ShapeFor(backbone);
        return Gate
            ? [new(TrainedTensors.Prefix, shape.Dimensions), new(TrainedTensors.PrefixGate, [shape.Layers, shape.Heads])]
            : [new(TrainedTensors.Prefix, shape.Dimensions)];
    }

    internal override MethodParameters Create(Backbone backbone, FirstValues first)
    {
        var shape = ShapeFor(backbone);
        var gates = Gate ? first.Of(TrainedTensors.PrefixGate, first.Bias)(shape.Layers * shape.Heads) : null;
        if (first.ProjectionSize > 0)
            return new ProjectedPrefix(shape, first.ProjectionSize, first.Weight, first.Bias, gates, shape.Stacks(backbone));

        var prefix = first.Examples is { } rows ? _ => OfExamples(backbone, rows)
            : first.Words is { } words ? _ => OfWords(backbone, words)
            : first.Weight;
        return new EmbeddedPrefix(shape, first.Of(TrainedTensors.Prefix, prefix), gates);
    }

    internal override IReadOnlyList<int>? ChooseWords(IEnumerable<EncodedRow> rows, TextTokenizer tokenizer, IReadOnlyList<string> classes) =>
        PromptArrangement.ChooseWords(Start, StartText, PrefixLength, rows, tokenizer, classes);

    internal override int StartRows => Start == PromptStart.Examples ? PrefixLength : 0;

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout)
    {
        var prefix = tensors[TrainedTensors.Prefix];
        return new(ByLayer(ShapeFor(backbone), i =>
        {
            var layer = prefix.select(1, i);                                                           // [P, 2, h, D]
            var gate = Gate ? PrefixGate.Log(tensors[TrainedTensors.PrefixGate].select(0, i)) : null;  // [h]
            return new LayerPrefix(Part(layer, 0, rows, dropout), Part(layer, 1, rows, dropout), LogGate: gate);
        }));
    }

    /// <summary>Stacks the prefixes of several models for the rows of a batch. No model keeps a padded copy.</summary>
    /// <remarks>Their lengths may differ: shorter ones are padded, and the padding is masked. It takes a few operations for the whole batch.</remarks>
    internal override Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models)
    {
        var shape = ShapeFor(backbone);
        int[] lengths = [.. models.Select(m => (int)m.Tensors[TrainedTensors.Prefix].size(0))];
        var longest = lengths.Max();
        var rows = models.SelectMany((m, i) => Enumerable.Repeat(Padded(m.Tensors[TrainedTensors.Prefix], longest - lengths[i]), m.Rows));
        var stacked = stack(rows, 2);                                                                  // [L', 2, B, h, P, D]
        int[] counts = [.. models.Select(m => m.Rows)];
        var gates = GatesOf(models, shape);                                                            // [L', B, h]
        var mask = lengths.All(length => length == longest) ? null : MaskOf(counts, lengths, longest, stacked.device);
        return new(ByLayer(shape, i =>
        {
            var layer = stacked.select(0, i);                                                          // [2, B, h, P, D]
            return new LayerPrefix(layer.select(0, 0), layer.select(0, 1), mask, gates?.select(0, i));
        }));
    }

    /// <summary>This prefix with some of its positions, layers and heads only.</summary>
    /// <param name="tensors">The trained tensors, those of the head among them. They stay the caller's.</param>
    /// <param name="positions">The positions to keep, ascending.</param>
    /// <param name="layers">The layers to keep, ascending; each has a prefix.</param>
    /// <param name="heads">Whether to keep each head of keys and values of <paramref name="layers"/>, one layer after the other; null for all.</param>
    public (DeepPrefix Method, TrainedTensors Tensors) Keep(
        Backbone backbone, TrainedTensors tensors, int[] positions, int[] layers, bool[]? heads = null)
    {
        var selected = ShapeFor(backbone).Selected.ToList();
        var kept = new DeepPrefix
        {
            PrefixLength = positions.Length,
            PrefixLayers = layers[0] + layers.Length == backbone.Configuration.Layers ? LayerSelection.Top(layers.Length) : LayerSelection.Of(layers),
            PositionOffset = PositionOffset,
            TrainedLength = positions.Length == PrefixLength ? TrainedLength : TrainedLength ?? PrefixLength,
            Gate = Gate || heads is not null,
        };
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var mask = heads is null                                                                       // [L', h]
            ? null
            : tensor(heads).to(ScalarType.Float32).view(layers.Length, -1).ToDevice(tensors[TrainedTensors.Prefix].device);
        int[] places = [.. layers.Select(layer => selected.IndexOf(layer))];
        var result = tensors.Map((name, all) => (name switch
        {
            TrainedTensors.Prefix => Masked(
                all.detach().index_select(0, Indices(positions, all.device)).index_select(1, Indices(places, all.device)),
                mask?.view(1, layers.Length, 1, -1, 1)),
            TrainedTensors.PrefixGate => Masked(all.detach().index_select(0, Indices(places, all.device)), mask),
            _ => all.detach().clone(),
        }).DetachFromDisposeScope());
        if (mask is not null && !Gate)
            result.Add(TrainedTensors.PrefixGate, mask.DetachFromDisposeScope());
        return (kept, result);

        static Tensor Masked(Tensor all, Tensor? mask) => mask is null ? all : all.mul(mask);

        static Tensor Indices(IEnumerable<int> numbers, Device device) => tensor([.. numbers.Select(number => (long)number)]).ToDevice(device);
    }

    internal override string? FindMisfit(Backbone backbone, int maxLength, int decoderLength = 0)
    {
        if (PrefixLayers.FindMisfit(backbone.Configuration.Layers) is { } misfit)
            return misfit;

        if (Start is not (PromptStart.Random or PromptStart.Examples) && PrefixLength > backbone.MaxPositions)
            return $"PrefixLength is {PrefixLength}, but a prefix from words has at most as many as the {backbone.MaxPositions} positions of the backbone. "
                + "Use a shorter prefix, or a random one.";

        var room = backbone.RoomForText(decoderLength);
        return ReservedPositions > 0 && backbone.PrefixTakesPositions && (long)ReservedPositions + maxLength > room
            ? $"PrefixLength {ReservedPositions} and MaxLength {maxLength}{Beside(decoderLength)} together exceed the {backbone.MaxPositions} positions of the "
                + $"backbone. {(ReservedPositions < room ? $"Use a MaxLength of {room - ReservedPositions} or less, a" : "Use a")} shorter prefix"
                + $"{OrWriteLess(decoderLength)}, or PositionOffset.None."
            : base.FindMisfit(backbone, maxLength, decoderLength);
    }

    internal override IReadOnlyList<string> DifferencesFrom(TuningMethod expected, Backbone backbone)
    {
        if (expected is LinearProbe)
            return [$"PrefixLength is {PrefixLength}, expected 0"];
        if (expected is not DeepPrefix prefix)
            return base.DifferencesFrom(expected, backbone);

        var differences = new List<string>();
        if (PrefixLength != prefix.PrefixLength)
            differences.Add($"PrefixLength is {PrefixLength}, expected {prefix.PrefixLength}");
        if (!ShapeFor(backbone).Selected.SequenceEqual(prefix.ShapeFor(backbone).Selected))
            differences.Add($"PrefixLayers is {PrefixLayers}, expected {prefix.PrefixLayers}");
        if (Gate != prefix.Gate)
            differences.Add($"PrefixGate is {Gate}, expected {prefix.Gate}");
        if (PositionOffset != prefix.PositionOffset)
            differences.Add($"PositionOffset is {PositionOffset}, expected {prefix.PositionOffset}");
        else if (PrefixLength == prefix.PrefixLength && ReservedPositions != prefix.ReservedPositions)
            differences.Add($"the text begins at position {ReservedPositions}, expected {prefix.ReservedPositions}, because the prefix was pruned");
        return differences;
    }

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (TrainedLength < PrefixLength)
            throw new JsonException($"The method's trainedLength is {TrainedLength} and its prefixLength {PrefixLength}; expected at least as many.");
        if (PrefixLength < 1 || PrefixLayers.TopCount < 0)
            throw new JsonException($"The method's prefixLength is {PrefixLength} and its prefixLayers {PrefixLayers}; expected 1 or more, and 0 or more.");
    }

    /// <summary>The keys and values that the encoder computes for some words (Li &amp; Liang 2021, section 7.4).</summary>
    /// <returns><c>[P, 2L'H]</c>.</returns>
    private Tensor OfWords(Backbone backbone, IReadOnlyList<int> words)
    {
        using var scope = NewDisposeScope();
        return AsPrefix(KeysAndValues(backbone, new([.. words], new int[words.Count]))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The keys and values of rows, each the mean over a part of the row's tokens: over all of them where there are as many rows as vectors, over one where
    /// a row has more vectors than tokens.
    /// </summary>
    /// <returns><c>[P, 2L'H]</c>.</returns>
    private Tensor OfExamples(Backbone backbone, IReadOnlyList<EncodedRow> rows)
    {
        using var scope = NewDisposeScope();
        var vectors = new List<Tensor>();
        for (var i = 0; i < rows.Count; i++)
        {
            var text = rows[i] is { Ids.Length: > 0 } row ? row with { DecoderIds = [], NextIds = [] } : new(rows[i].DecoderIds, new int[rows[i].DecoderIds.Length]);
            var tokens = KeysAndValues(backbone, text);                                                           // [L', 2, h, T, D]
            var (count, parts) = (text.Length, (PrefixLength - i + rows.Count - 1) / rows.Count);
            for (var part = 0; part < parts; part++)
            {
                var start = part * count / parts;
                vectors.Add(tokens.narrow(3, start, Math.Max(1, (part + 1) * count / parts - start)).mean([3], keepdim: true));
            }
        }
        return AsPrefix(cat(vectors, 3)).MoveToOuterDisposeScope();
    }

    /// <returns>Of the layers with a prefix, <c>[L', 2, h, T, D]</c>.</returns>
    private Tensor KeysAndValues(Backbone backbone, EncodedRow row)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var layers = new Tensor[ShapeFor(backbone).EncoderLayers];
        var batch = EncodedRow.Collate([row], padId: 0, backbone.WordEmbeddings.device);
        var record = new Tuning { OnKeysAndValues = (layer, k, v) => layers[layer] = stack([k[0], v[0]], 0).MoveToOtherDisposeScope(scope) }; // [2, h, T, D]
        backbone.Forward(batch, record);
        return stack(ShapeFor(backbone).Selected.Select(layer => layers[layer]), 0).MoveToOuterDisposeScope();
    }

    /// <param name="vectors"><c>[L', 2, h, P, D]</c>.</param>
    /// <returns><c>[P, 2L'H]</c>.</returns>
    private Tensor AsPrefix(Tensor vectors) => vectors.permute(3, 0, 1, 2, 4).reshape(PrefixLength, -1).ToTrainedType().clone();

    /// <returns>What is added to the scores of each row's prefix, <c>[L', B, h]</c>; null where no model has gates.</returns>
    private static Tensor? GatesOf(IReadOnlyList<ModelRows> models, PrefixShape shape)
    {
        if (!models.Any(m => m.Tensors.Contains(TrainedTensors.PrefixGate)))
            return null;

        var device = models[0].Tensors[TrainedTensors.Prefix].device;
        return cat([.. models.Select(m => (m.Tensors.Contains(TrainedTensors.PrefixGate)
            ? PrefixGate.Log(m.Tensors[TrainedTensors.PrefixGate])
            : zeros(shape.Layers, shape.Heads, ScalarType.Float32, device)).unsqueeze(1).expand(-1, m.Rows, -1))], 1);
    }

    private static LayerPrefix?[] ByLayer(PrefixShape shape, Func<int, LayerPrefix> layer)
    {
        var layers = new LayerPrefix?[shape.EncoderLayers];
        for (var i = 0; i < shape.Layers; i++)
            layers[shape.Selected[i]] = layer(i);
        return layers;
    }

    private static Tensor Part(Tensor layer, int keyOrValue, int rows, Dropout? dropout)
    {
        var part = layer.select(1, keyOrValue); // [P, h, D]
        return dropout is null
            ? part
            : dropout.Apply(part.transpose(0, 1).unsqueeze(0).expand(rows, -1, -1, -1)); // [B, h, P, D], one dropout mask per row
    }

    private static Tensor Padded(Tensor prefix, int missing)
    {
        var byLayer = prefix.permute(1, 2, 3, 0, 4);                                                   // [L', 2, h, P, D]
        return missing == 0 ? byLayer : nn.functional.pad(byLayer, [0, 0, 0, missing]);
    }

    private static Tensor MaskOf(int[] rows, int[] lengths, int longest, Device device)
    {
        var mask = new float[rows.Sum() * longest];
        var row = 0;
        for (var i = 0; i < rows.Length; i++)
            for (var n = 0; n < rows[i]; n++)
                mask.AsSpan(row++ * longest, lengths[i]).Fill(1);
        return tensor(mask, mask.Length / longest, longest).ToDevice(device);                                // [B, P]
    }
}
