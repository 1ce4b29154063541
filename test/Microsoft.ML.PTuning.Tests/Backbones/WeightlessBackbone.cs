using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>An encoder of which nothing but its description is there: enough to say what would be trained over it.</summary>
internal sealed class WeightlessBackbone(BackboneConfiguration configuration, bool hasPooler) : Backbone(configuration, FrozenTensors.None)
{
    public override int MaxPositions => Configuration.MaxPositionEmbeddings;

    public override bool HasPooler => hasPooler;

    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null) => throw new NotSupportedException();

    public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout) => throw new NotSupportedException();
}
