using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A row on its way through a <see cref="PredictionQueue"/>: decoded when the last of its parts has ended, on that thread.</summary>
/// <remarks>It keeps its model alive until then. Its caller may have been answered before, by a failure or because it was cancelled.</remarks>
internal sealed class QueuedRow
{
    private readonly TaskCompletionSource<Prediction> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Example _example;
    private readonly float[]?[] _outputs;
    private int _missing;

    /// <param name="model">It has been entered; the row leaves it.</param>
    public QueuedRow(PromptModel model, Example example)
    {
        (Model, _example) = (model, example);
        _missing = example.Parts.Count;
        _outputs = new float[_missing][];
    }

    public PromptModel Model { get; }

    public IReadOnlyList<ExamplePart> Parts => _example.Parts;

    public Task<Prediction> Answer => _answer.Task;

    /// <summary>Whether nobody waits for it any more.</summary>
    public bool IsAnswered => _answer.Task.IsCompleted;

    public void Cancel(CancellationToken token) => _answer.TrySetCanceled(token);

    /// <summary>Ends a row before any of its parts is computed.</summary>
    /// <param name="reason">What its caller is told; null where the caller has been answered already.</param>
    public void Abandon(Exception? reason = null) => End(reason);

    /// <summary>Ends a row that has no parts.</summary>
    public void Decode() => End(failure: null);

    /// <param name="values">The head's numbers for a part.</param>
    public void SetPart(int part, float[] values) => _outputs[part] = values;

    /// <summary>Tells the caller what kept a part from being computed.</summary>
    public void Fail(Exception reason) => _answer.TrySetException(reason);

    /// <summary>Ends a part that was computed, or failed, or that nobody waited for. Each once, in any order, on any thread.</summary>
    public void EndPart()
    {
        if (Interlocked.Decrement(ref _missing) == 0)
            End(failure: null);
    }

    // The model is left before the caller hears of it, who may dispose it then.
    private void End(Exception? failure)
    {
        Prediction? prediction = null;
        try
        {
            if (failure is null && !IsAnswered && _missing == 0)
                prediction = Model.Task.Decode(_example, _outputs!);
        }
        catch (Exception e)
        {
            failure = e;
        }
        try
        {
            Model.Leave();
        }
        catch (Exception e) // It frees what nobody needs any more; the row is to end all the same.
        {
            failure ??= e;
        }
        if (prediction is not null)
            _answer.TrySetResult(prediction);
        else if (failure is not null)
            _answer.TrySetException(failure);
    }
}

/// <summary>A part of a row on its way.</summary>
/// <param name="Index">Which of the row's parts.</param>
internal readonly record struct QueuedPart(QueuedRow Row, int Index)
{
    public ExamplePart Part => Row.Parts[Index];
}
