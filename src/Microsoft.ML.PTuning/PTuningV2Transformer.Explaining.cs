using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Explaining;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

/// <content>What the prefix does, and what a prediction rests on.</content>
public sealed partial class PTuningV2Transformer
{
    /// <summary>Measures how much attention the tokens of some texts pay to the prefix, per layer, head and prefix position.</summary>
    /// <remarks>
    /// All tokens count, in the last layer, too, where a sentence task may read only one. The rows are read once and encoded in memory; a few hundred
    /// are enough (<c>mlContext.Data.TakeRows</c>).
    /// </remarks>
    /// <param name="data">Rows with the model's input columns; a label is not read.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    /// <exception cref="InvalidOperationException">The model has no prefix in its layers, or the data has no rows.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// PrefixReport report = model.ExplainPrefix(newTickets);
    /// Console.WriteLine(report.ToString());
    /// </code>
    /// </example>
    public PrefixReport ExplainPrefix(IDataView data)
    {
        ArgumentNullException.ThrowIfNull(data);
        RequirePrefix();
        var checkCancelled = HostEnvironment.CancellationOf(_environment, nameof(ExplainPrefix));
        foreach (var column in _model.Task.Inputs)
            ScoringSchema.Find(column, data.Schema);

        _model.Enter();
        try
        {
            var rows = ExampleSet.Read(data, _model.Task, _model.Tokenizer, checkCancelled, withTarget: false).Examples;
            var sequences = rows.SelectMany(row => row.Parts).SelectMany(part => part.Sequences).ToArray();
            if (sequences.Length == 0)
                throw new InvalidOperationException($"The data has {rows.Count} rows with a text; expected one or more. Give rows like those that the model is for.");

            var batches = Predictor.Plan([.. sequences.Select(sequence => sequence.Length)], [.. sequences.Select(_ => 1)], _model.Device);
            return new PrefixMasses(_model.Network.Encoder, _model.Tensors, _model.Tokenizer.PadId, _model.Device)
                .Measure(sequences, batches, rows.Count, checkCancelled, _model.Limit);
        }
        finally
        {
            _model.Leave();
        }
    }

    private void RequirePrefix()
    {
        if (_model.Method is not DeepPrefix)
            throw new InvalidOperationException(
                $"The model was trained by the method {Method}, which has no prefix in the encoder's layers; expected {DeepPrefix.Kind}. "
                + "Train it without Method, with a PrefixLength of 1 or more.");
    }
}
