using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>How the official scripts of P-Tuning v2 train and score, over the same frozen encoder and the same operations of torch.</summary>
/// <remarks>
/// Every row padded to the model's most tokens, batches in random order, each one computation spread over the calling thread's threads; the prefix
/// made by a network (Embedding, Linear, Tanh, Linear) anew for every row of a batch; in training, dropout of 0.1 in the frozen encoder as well.
/// </remarks>
internal sealed class OfficialRecipe : IDisposable
{
    public const int ProjectionSize = 512;
    public const double LearningRate = 5e-3;

    private const double DropoutRate = 0.1;

    private readonly UntrainedModel _model;
    private readonly int _batchSize;
    private readonly PrefixShape _shape;
    private readonly Generator _generator = new(1);
    private readonly Dropout _dropout;
    private readonly Tensor _embedding; // [P, H]
    private readonly Tensor _inWeight;  // [m, H]
    private readonly Tensor _inBias;
    private readonly Tensor _outWeight; // [2LH, m]
    private readonly Tensor _outBias;
    private readonly TrainedTensors _head = new();
    private readonly AdamW _optimizer;

    /// <param name="model">Gives encoder, task and head.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    public OfficialRecipe(UntrainedModel model, int batchSize)
    {
        (_model, _batchSize, _shape) = (model, batchSize, ((DeepPrefix)model.Network.Encoder.Method).ShapeFor(model.Backbone));
        _dropout = new(DropoutRate, _generator);
        var hidden = model.Backbone.Configuration.HiddenSize;
        _embedding = UntrainedModel.Weight(_shape.Length, hidden);
        (_inWeight, _inBias) = (UntrainedModel.Weight(ProjectionSize, hidden), zeros(ProjectionSize));
        (_outWeight, _outBias) = (UntrainedModel.Weight(_shape.Width, ProjectionSize), zeros(_shape.Width));
        foreach (var (name, tensor) in model.NewHead())
            _head.Add(name, tensor);

        Tensor[] trained = [_embedding, _inWeight, _inBias, _outWeight, _outBias, .. _head.Select(tensor => tensor.Value)];
        foreach (var tensor in trained)
            tensor.requires_grad_();
        _optimizer = new AdamW(trained, weightDecay: 0);
    }

    /// <summary>An epoch.</summary>
    public void Train(IReadOnlyList<Example> rows)
    {
        var order = rows.ToArray();
        new Random(1).Shuffle(order);
        foreach (var batch in order.Chunk(_batchSize))
            Step([.. batch.SelectMany(row => row.Parts)]);
    }

    /// <returns>The head's numbers.</returns>
    public IReadOnlyList<float[]> Score(IReadOnlyList<Example> rows)
    {
        using var frozen = no_grad();
        return [.. rows.Chunk(_batchSize).Select(batch =>
        {
            using var scope = NewDisposeScope();
            return Forward([.. batch.SelectMany(row => row.Parts)], dropout: null).data<float>().ToArray();
        })];
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        foreach (var tensor in new[] { _embedding, _inWeight, _inBias, _outWeight, _outBias })
            tensor.Dispose();
        _head.Dispose();
        _generator.Dispose();
    }

    private void Step(IReadOnlyList<ExamplePart> parts)
    {
        using var scope = NewDisposeScope();
        _optimizer.ClearGradients();
        var loss = _model.Task.Loss(Forward(parts, _dropout), parts).DividedBy(parts.Count);
        loss.backward();
        AdamW.ClipGradients(_optimizer.Parameters, maxNorm: 1);
        _optimizer.Step(LearningRate);
    }

    private Tensor Forward(IReadOnlyList<ExamplePart> parts, Dropout? dropout)
    {
        var batch = EncodedRow.Collate([.. parts.SelectMany(part => part.Sequences)], _model.PadId, CPU, _model.Task.MaxLength);
        var tuning = new Tuning(PrefixOfEachRow(batch.Rows, dropout));
        var hidden = _model.Backbone.Forward(batch, tuning, _shape.Length, dropout);
        return _model.Task.Head.Forward(_model.Backbone, hidden, batch, _head, tuning, dropout);
    }

    private LayerPrefix[] PrefixOfEachRow(int rows, Dropout? dropout)
    {
        var embedded = _embedding.unsqueeze(0).expand(rows, -1, -1);                                                    // [B, P, H]
        var inner = functional.linear(embedded, _inWeight, _inBias).tanh();                                             // [B, P, m]
        var values = functional.linear(inner, _outWeight, _outBias)
            .view(rows, _shape.Length, 2 * _shape.Layers, _shape.Heads, _shape.HeadSize).Drop(dropout)
            .permute(2, 0, 3, 1, 4);                                                                                    // [2L, B, h, P, D]
        return [.. Enumerable.Range(0, _shape.Layers).Select(i => new LayerPrefix(values[2 * i], values[(2 * i) + 1]))];
    }
}
