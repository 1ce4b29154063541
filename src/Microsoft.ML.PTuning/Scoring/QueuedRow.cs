using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A row in a <see cref="PredictionQueue"/>. It is decoded when the last of its parts has ended, on that thread.</summary>
/// <remarks>It keeps its model alive until then. A failure or a cancellation may answer its caller earlier.</remarks>
internal sealed class QueuedRow
{
    private readonly TaskCompletionSource<Prediction> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Example _example;
    private readonly float[]?[] _outputs;
    private int _missing;

    /// <param name="model">The caller has entered it; the row leaves it.</param>
    public QueuedRow(PromptModel model, Example example)
    {
        (Model, _example) = (model, example);
        _missing = example.Parts.Count;
        _outputs = new float[_missing][];
    }

    public PromptModel Model { get; }

    public IReadOnlyList<ExamplePart> Parts => _example.Parts;

    public Task<Prediction> Answer => _answer.Task;

    /// <summary>Whether the caller has its answer and no longer waits.</summary>
    public bool IsAnswered => _answer.Task.IsCompleted;

    public void Cancel(CancellationToken token) => _answer.TrySetCanceled(token);

    /// <summary>Ends a row before any of its parts is computed.</summary>
    /// <param name="reason">The failure for its caller; null if the caller has been answered.</param>
    public void Abandon(Exception? reason = null) => End(reason);

    /// <summary>Ends a row that has no parts.</summary>
    public void Decode() => End(failure: null);

    /// <param name="values">The head's numbers for a part.</param>
    public void SetPart(int part, float[] values) => _outputs[part] = values;

    /// <summary>Tells the caller why a part was not computed.</summary>
    public void Fail(Exception reason) => _answer.TrySetException(reason);

    /// <summary>Ends a part, whether it was computed, failed or was no longer needed. Call it once per part, in any order, on any thread.</summary>
    public void EndPart()
    {
        if (Interlocked.Decrement(ref _missing) == 0)
            End(failure: null);
    }

    // The row leaves the model before the caller gets the answer, because the caller may then dispose the model.
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
        catch (Exception e) // It happens while freeing the model; the row must end in any case.
        {
            failure ??= e;
        }
        if (prediction is not null)
            _answer.TrySetResult(prediction);
        else if (failure is not null)
            _answer.TrySetException(failure);
    }
}

/// <summary>A part of a queued row.</summary>
/// <param name="Index">Which of the row's parts.</param>
internal readonly record struct QueuedPart(QueuedRow Row, int Index)
{
    public ExamplePart Part => Row.Parts[Index];
}
