using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>BitFit (Ben Zaken et al. 2022): only the encoder's biases are trained. A model saves its biases.</summary>
/// <remarks>Rows of several models cannot share a batch, because every layer adds the biases of one model.</remarks>
internal sealed record BitFit : Method
{
    public const string Kind = "bitfit";

    public override bool TunesEmbeddings => true;

    public override int FirstTunedLayer(Backbone backbone) => 0;

    public override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) =>
        [.. Biases(backbone).Select(key => new TensorDeclaration(TrainedTensors.OfBackbone(key), backbone.Tensors[key].shape))];

    public override MethodParameters Create(Backbone backbone, FirstValues first) => new DirectParameters(Biases(backbone).ToDictionary(
        TrainedTensors.OfBackbone,
        key => first.Of(TrainedTensors.OfBackbone(key), _ => backbone.Tensors[key].detach().ToTrainedType().clone())(backbone.Tensors[key].shape)));

    public override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout)
    {
        var changes = new WeightChanges();
        foreach (var key in Biases(backbone))
            changes.Replace(backbone.Tensors[key], tensors[TrainedTensors.OfBackbone(key)]);
        return new(Weights: changes);
    }

    public override IReadOnlyList<string> DifferencesFrom(Method expected, Backbone backbone) =>
        expected is BitFit ? [] : ["the method is BitFit"];

    /// <summary>The keys of linear layers' and norms' biases.</summary>
    private static IEnumerable<string> Biases(Backbone backbone) => backbone.Tensors.Names.Where(key => key.EndsWith("bias", StringComparison.Ordinal));
}
