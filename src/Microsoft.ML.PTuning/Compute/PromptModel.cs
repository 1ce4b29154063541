using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>A trained model: task, method, trained tensors and a share of the encoder. Safe for any number of threads.</summary>
/// <remarks>After disposal no prediction can begin. Native memory is freed when the running ones have ended.</remarks>
internal sealed class PromptModel : IDisposable
{
    private readonly OpenBackbone _backbone;
    private readonly Predictor _predictor;
    private readonly object _gate = new();
    private int _uses = 1; // The model's own use, which Dispose ends.
    private bool _isDisposed;

    /// <param name="backbone">The model takes it over.</param>
    /// <param name="tensors">The model takes them over.</param>
    /// <param name="summary">How the model was trained; null if unknown.</param>
    public PromptModel(PromptTask task, TuningMethod method, OpenBackbone backbone, TrainedTensors tensors, TrainingSummary? summary, Device device)
    {
        (Task, Method, _backbone, Tensors, Summary, Device) = (task, method, backbone, tensors, summary, device);
        Network = new PromptNetwork(method.Adapt(backbone.Lease.Backbone), task.Head);
        Tokenizer = backbone.Lease.Tokenizer;
        _predictor = new Predictor(Network, Tokenizer.PadId, device) { OnBatch = ScoringMetrics.CountBatch };
    }

    public bool IsDisposed
    {
        get
        {
            lock (_gate)
                return _isDisposed;
        }
    }

    public PromptTask Task { get; }

    public TuningMethod Method { get; }

    public TrainedTensors Tensors { get; }

    /// <summary>Encoder and head; run it between <see cref="Enter"/> and <see cref="Leave"/> only.</summary>
    public PromptNetwork Network { get; }

    public TextTokenizer Tokenizer { get; }

    public Device Device { get; }

    /// <summary>How many batches the CPU computes at the same time; null for one per core. Set before the first prediction.</summary>
    public JobLimit? Limit { get; set; }

    public TrainingSummary? Summary { get; }

    public BackboneReference Reference => _backbone.Reference;

    public BackboneDescription Description => _backbone.Description;

    /// <summary>A share of the same encoder for another model; call it between <see cref="Enter"/> and <see cref="Leave"/>.</summary>
    public OpenBackbone ShareBackbone() => _backbone with { Lease = _backbone.Lease.Share() };

    /// <param name="checkCancelled">Throws if the work has been cancelled; called before every batch, on any thread.</param>
    /// <returns>The prediction of each row, in order.</returns>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public Prediction[] Predict(IReadOnlyList<PendingExample> rows, Action? checkCancelled = null)
    {
        Enter();
        try
        {
            var examples = rows.Count == 1 ? [rows[0](Tokenizer)] : ExampleSet.Encode(rows, Tokenizer, Limit?.Jobs);
            var predictions = _predictor.Predict(examples, Tensors, Task, checkCancelled, Limit);
            ScoringMetrics.CountRows(predictions.Length);
            return predictions;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Uses the tensors; they are not freed meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public void Use(Action<TrainedTensors> action)
    {
        Enter();
        try
        {
            action(Tensors);
        }
        finally
        {
            Leave();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
        }
        Leave();
    }

    /// <summary>Keeps tensors and encoder alive until <see cref="Leave"/> is called as many times, even if the model is disposed before.</summary>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public void Enter()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(PTuningV2Transformer));
            _uses++;
        }
    }

    /// <summary>Ends what <see cref="Enter"/> began; on any thread.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (--_uses > 0)
                return;
        }
        Tensors.Dispose();
        _backbone.Lease.Dispose();
    }
}
