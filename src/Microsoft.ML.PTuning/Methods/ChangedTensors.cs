using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>What the methods share that train tensors of the encoder themselves, and begin with the encoder's own values.</summary>
internal static class ChangedTensors
{
    public static IReadOnlyList<TensorDeclaration> Declare(Backbone backbone, IEnumerable<string> keys) =>
        [.. keys.Select(key => new TensorDeclaration(TrainedTensors.OfBackbone(key), Find(backbone, key)!.shape))];

    public static MethodParameters Create(Backbone backbone, IEnumerable<string> keys, FirstValues first) =>
        new DirectParameters(keys.ToDictionary(TrainedTensors.OfBackbone, key =>
        {
            using var scope = NewDisposeScope(); // A 16-bit tensor's first copy in F32 is freed at once.
            var frozen = Find(backbone, key)!;
            return first.Of(TrainedTensors.OfBackbone(key), _ => frozen.detach().ToTrainedType().clone())(frozen.shape).MoveToOuterDisposeScope();
        }));

    public static Tuning Tune(Backbone backbone, IEnumerable<string> keys, TrainedTensors tensors)
    {
        var changes = new WeightChanges();
        foreach (var key in keys)
            changes.Replace(Find(backbone, key)!, tensors[TrainedTensors.OfBackbone(key)]);
        return new(Weights: changes);
    }

    /// <summary>A tensor of the encoder, or of its language model's head where that was loaded; null if there is none.</summary>
    public static Tensor? Find(Backbone backbone, string key) =>
        backbone.Tensors.Has(key) ? backbone.Tensors[key]
        : backbone.LanguageHead?.Tensors.Has(key) == true ? backbone.LanguageHead.Tensors[key]
        : null;
}
