using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A batch as one computation whose operations are spread over the calling thread's threads, instead of in shards.</summary>
internal sealed class OneComputation : IDisposable
{
    private const double LearningRate = 5e-3;

    private readonly UntrainedModel _model;
    private readonly Generator _generator = new(1);
    private readonly TrainingDropout _dropout;
    private readonly TrainedTensors _trained;
    private readonly AdamW _optimizer;

    /// <param name="settings">Say what is dropped.</param>
    public OneComputation(UntrainedModel model, TrainingSettings settings)
    {
        _model = model;
        _dropout = new(new Dropout(settings.PrefixDropout, _generator), new Dropout(settings.HeadDropout, _generator), Backbone: null);
        using (var copy = model.Tensors.Copy())
            _trained = copy.ToLeaves();
        _optimizer = new AdamW([.. _trained.Select(tensor => tensor.Value)], weightDecay: 0);
    }

    /// <summary>Forward, backward and the change of prefix and head.</summary>
    public void Step(IReadOnlyList<ExamplePart> batch)
    {
        using var scope = NewDisposeScope();
        _optimizer.ClearGradients();
        var loss = _model.Task.Loss(Forward(batch, _dropout), batch).DividedBy(batch.Count);
        loss.backward();
        AdamW.ClipGradients(_optimizer.Parameters, maxNorm: 1);
        _optimizer.Step(LearningRate);
    }

    public void Score(IReadOnlyList<ExamplePart> batch)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        _ = Forward(batch, dropout: null).data<float>().ToArray();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _trained.Dispose();
        _generator.Dispose();
    }

    private Tensor Forward(IReadOnlyList<ExamplePart> batch, TrainingDropout? dropout) =>
        _model.Network.Forward(EncodedRow.Collate([.. batch.SelectMany(part => part.Sequences)], _model.PadId, CPU), _trained, dropout);
}
