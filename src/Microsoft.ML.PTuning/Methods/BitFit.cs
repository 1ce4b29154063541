using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning;

/// <summary>BitFit (Ben Zaken et al. 2022): of the encoder only the biases are trained. A model saves its own biases.</summary>
/// <remarks>Rows of several models cannot share a batch, because every layer adds the biases of one model.</remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new BitFit(),
/// });
/// </code>
/// </example>
public sealed class BitFit : TuningMethod
{
    internal const string Kind = "bitfit";

    internal override double? UsualLearningRate => 2e-3;

    internal override bool ChangesWeights => true;

    internal override bool TunesEmbeddings => true;

    internal override int FirstTunedLayer(Backbone backbone) => 0;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) => ChangedTensors.Declare(backbone, Biases(backbone));

    internal override MethodParameters Create(Backbone backbone, FirstValues first) => ChangedTensors.Create(backbone, Biases(backbone), first);

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout) =>
        ChangedTensors.Tune(backbone, Biases(backbone), tensors);

    /// <summary>The keys of linear layers' and norms' biases.</summary>
    private static IEnumerable<string> Biases(Backbone backbone) => backbone.Tensors.Names.Where(key => key.EndsWith("bias", StringComparison.Ordinal));
}
