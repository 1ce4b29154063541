using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Linear probing: only the head is trained, the encoder stays as it is.</summary>
internal sealed record LinearProbe : Method
{
    public const string Kind = "linear-probe";

    public override bool Stacks => true;

    public override int FirstTunedLayer(Backbone backbone) => backbone.Configuration.Layers;

    public override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) => [];

    public override MethodParameters Create(Backbone backbone, FirstValues first) => MethodParameters.None;

    public override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout) => Tuning.None;

    public override Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models) => Tuning.None;

    public override IReadOnlyList<string> DifferencesFrom(Method expected, Backbone backbone) =>
        expected is DeepPrefix prefix ? [$"PrefixLength is 0, expected {prefix.PrefixLength}"] : [];
}
