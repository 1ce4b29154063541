using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning;

/// <summary>Fine-tuning: all weights of the encoder are trained, as in Devlin et al. 2019. The measure for all other methods.</summary>
/// <remarks>
/// <para>
/// A model saves its own copy of the whole encoder: 83 MB over all-MiniLM-L6-v2, half of it with <c>halfPrecision</c>. It still needs the encoder's
/// folder for configuration and tokenizer. Rows of several models cannot share a batch.
/// </para>
/// <para>
/// Training holds the weights in F32, two moments of AdamW, the gradients once per shard and once for their sum, and the weights of the best epoch: on
/// two cores seven copies of the encoder. With a 16-bit <see cref="TrainingOptions.Precision"/> the trained weights stay F32 and are rounded for each use.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new FineTuning(),
/// });
/// </code>
/// </example>
public sealed class FineTuning : TuningMethod, IJsonOnDeserialized
{
    internal const string Kind = "fine-tuning";

    /// <summary>The keys of the tensors that are changed; null for all.</summary>
    [JsonInclude]
    internal IReadOnlyList<string>? Keys { get; init; }

    internal override double? UsualLearningRate => 1e-4;

    internal override bool ChangesWeights => true;

    internal override bool TunesEmbeddings => true;

    internal override int FirstTunedLayer(Backbone backbone) => 0;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) => ChangedTensors.Declare(backbone, KeysOf(backbone));

    internal override MethodParameters Create(Backbone backbone, FirstValues first) => ChangedTensors.Create(backbone, KeysOf(backbone), first);

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout) =>
        ChangedTensors.Tune(backbone, KeysOf(backbone), tensors);

    internal override string? FindMisfit(Backbone backbone, int maxLength, int decoderLength = 0) =>
        KeysOf(backbone).FirstOrDefault(key => ChangedTensors.Find(backbone, key) is null) is { } unknown
            ? $"The method changes '{unknown}', but the backbone has no such tensor."
            : base.FindMisfit(backbone, maxLength, decoderLength);

    void IJsonOnDeserialized.OnDeserialized()
    {
        if (Keys is not null && (Keys.Contains(null) || Keys.Distinct().Count() < Keys.Count))
            throw new JsonException("The method's keys name a tensor twice, or none.");
    }

    /// <summary>All tensors of the encoder, and of its language model's head where that was loaded.</summary>
    private IEnumerable<string> KeysOf(Backbone backbone) =>
        Keys ?? backbone.Tensors.Names.Concat(backbone.LanguageHead?.Tensors.Names ?? []);
}
