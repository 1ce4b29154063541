using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

/// <content>Text that is told while it is written.</content>
public sealed partial class PTuningV2Transformer
{
    /// <summary>Writes a text for a text, and tells it piece by piece.</summary>
    /// <remarks>
    /// It writes what <see cref="Transform"/> and a prediction engine write, without the spaces around it; the pieces have them. Any number of threads may
    /// call it. On the CPU a text takes a core until it is written, and goes before rows of <see cref="Transform"/>.
    /// </remarks>
    /// <param name="text">The text to go on from.</param>
    /// <param name="onText">Is called with each piece of one or more characters, on the caller's thread, while the next ones are computed.</param>
    /// <param name="cancellationToken">Ends the writing before the next token, and the telling before the next piece.</param>
    /// <returns>The whole text.</returns>
    /// <exception cref="InvalidOperationException">
    /// The model does not write text, or it has several beams or candidates, whose text is not clear until its end.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <exception cref="OperationCanceledException">The writing was cancelled.</exception>
    /// <example>
    /// <code>
    /// var description = model.GenerateText("name: The Vaults | food: Italian", onText: piece =&gt; Console.Write(piece));
    /// </code>
    /// </example>
    public string GenerateText(string text, Action<string> onText, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(onText);
        if (_model.Task is not TextGeneration task)
        {
            throw new InvalidOperationException(
                $"This model's task is {_model.Task.KindName}; expected one that writes text, made by PTuningV2TextGeneration.");
        }
        if (task.Generation is { Beams: > 1 } or { Candidates: > 1 })
            throw new InvalidOperationException(
                $"This model writes with {task.Generation.Beams} beams and {task.Generation.Candidates} candidates; a text can be told while it is written "
                + "with one of each only. Use Transform or a prediction engine.");

        _model.Enter();
        try
        {
            var part = (TextPart)task.Encode(_model.Tokenizer, text, target: null).Parts[0];
            return Tell(part, task, onText, cancellationToken);
        }
        finally
        {
            _model.Leave();
        }
    }

    // Pieces wait in a queue for the caller's thread, so that a slow reader, or one that asks a model, does not hold a worker.
    private string Tell(TextPart part, TextGeneration task, Action<string> onText, CancellationToken cancellationToken)
    {
        using var pieces = new BlockingCollection<string>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = System.Threading.Tasks.Task.Run(() =>
        {
            var written = "";
            try
            {
                WorkerThreads.Shared.Run(1, Write, isUrgent: true, _model.Limit);
                return written;
            }
            finally
            {
                pieces.CompleteAdding();
            }

            void Write(int job) => written = task.Write(
                _model.Network.Encoder, _model.Tensors, _model.Device, part, pieces.Add, stop.Token.ThrowIfCancellationRequested);
        }, CancellationToken.None);
        try
        {
            foreach (var piece in pieces.GetConsumingEnumerable())
            {
                cancellationToken.ThrowIfCancellationRequested();
                onText(piece);
            }
        }
        catch
        {
            stop.Cancel();
            ((IAsyncResult)writing).AsyncWaitHandle.WaitOne(); // It uses the model.
            throw;
        }
        return writing.GetAwaiter().GetResult();
    }
}
