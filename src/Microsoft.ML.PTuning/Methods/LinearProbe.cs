using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning;

/// <summary>Linear probing: only the head is trained, the encoder stays as it is.</summary>
/// <remarks><see cref="TrainingOptions.PrefixLength"/> 0 without a method does the same.</remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new LinearProbe(),
/// });
/// </code>
/// </example>
public sealed class LinearProbe : TuningMethod
{
    internal const string Kind = "linear-probe";

    internal override bool Stacks => true;

    internal override int FirstTunedLayer(Backbone backbone) => backbone.Configuration.Layers;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) => [];

    internal override MethodParameters Create(Backbone backbone, FirstValues first) => MethodParameters.None;

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout) => Tuning.None;

    internal override Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models) => Tuning.None;

    internal override IReadOnlyList<string> DifferencesFrom(TuningMethod expected, Backbone backbone) =>
        expected is DeepPrefix prefix ? [$"PrefixLength is 0, expected {prefix.PrefixLength}"] : base.DifferencesFrom(expected, backbone);
}
