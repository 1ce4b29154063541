using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

/// <content>Text that is told while it is written.</content>
public sealed partial class PTuningV2Transformer
{
    /// <summary>Writes a text for a text, and tells it piece by piece.</summary>
    /// <remarks>
    /// It writes what <see cref="Transform"/> and a prediction engine write, without the spaces around it; the pieces have them. A row that another thread
    /// asks for online waits until this text is written.
    /// </remarks>
    /// <param name="text">The text to go on from.</param>
    /// <param name="onText">Is called with each piece of one or more characters, on the thread that computes.</param>
    /// <param name="cancellationToken">Ends the writing before the next token.</param>
    /// <returns>The whole text.</returns>
    /// <exception cref="InvalidOperationException">The model does not write text, or it is a beam search, whose text is not clear until its end.</exception>
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
            throw new InvalidOperationException($"This model's task is {_model.Task.KindName}; expected one that writes text, made by PTuningV2TextGeneration.");
        if (task.Generation is { Beams: > 1 } or { Candidates: > 1 })
            throw new InvalidOperationException(
                $"This model writes with {task.Generation.Beams} beams and {task.Generation.Candidates} candidates; a text can be told while it is written with one "
                + "of each only. Use Transform or a prediction engine.");

        _model.Enter();
        try
        {
            var part = (TextPart)task.Encode(_model.Tokenizer, text, target: null).Parts[0];
            var written = "";
            WorkerThreads.Shared.Run(
                1,
                _ => written = task.Write(_model.Network.Encoder, _model.Tensors, _model.Device, part, onText, cancellationToken.ThrowIfCancellationRequested),
                isUrgent: true, _model.Limit);
            return written;
        }
        finally
        {
            _model.Leave();
        }
    }
}
