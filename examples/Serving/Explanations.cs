using Microsoft.ML;
using Microsoft.ML.PTuning;
using TicketRouting;

namespace Serving;

/// <summary>Tells which words a ticket's queue rests on.</summary>
/// <remarks>The service keeps its transformers to itself, so this has one of its own, of the same file; they share the encoder. One call at a time.</remarks>
/// <param name="path">The model's file. A newer one is loaded when it is there.</param>
internal sealed class Explanations(string path) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly MLContext _mlContext = new();
    private ITransformer? _pipeline;
    private DateTime _written;

    /// <returns>The words in the order of the text; positive weights speak for the predicted queue, negative ones against it.</returns>
    public IReadOnlyList<TokenContribution> Explain(Ticket ticket)
    {
        lock (_gate)
        {
            DateTime written = File.GetLastWriteTimeUtc(path);
            if (_pipeline is null || written != _written)
            {
                ITransformer newer = _mlContext.Model.Load(path, out _);
                Dispose();
                (_pipeline, _written) = (newer, written);
            }

            return ((IEnumerable<ITransformer>)_pipeline).OfType<PTuningV2Transformer>().Single().ExplainPrediction(ticket);
        }
    }

    public void Dispose() => (_pipeline as IDisposable)?.Dispose();
}
