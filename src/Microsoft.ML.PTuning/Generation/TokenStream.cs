using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Generation;

/// <summary>A language model under a method that continues the rows of a batch, one token at a time. For one thread. What it reads next belongs to the
/// dispose scope of the caller.</summary>
internal sealed class TokenStream : IDisposable
{
    private readonly PromptedEncoder _encoder;
    private readonly TrainedTensors _tensors;
    private readonly KeyValueCache? _cache;
    private EncodedBatch _batch; // What is read next, or was read last.

    /// <param name="batch">The texts, and what the decoder starts with.</param>
    /// <param name="keeps">Whether keys and values of what was read are kept; otherwise all is read again for each token, which is slower.</param>
    public TokenStream(PromptedEncoder encoder, TrainedTensors tensors, EncodedBatch batch, bool keeps = true)
    {
        (_encoder, _tensors) = (encoder, tensors);
        _cache = keeps ? new(encoder.Backbone) : null;
        _batch = encoder.Method.Arrange(batch, encoder.Backbone).Read;
    }

    /// <summary>Rows that are continued, B.</summary>
    public int Rows => _batch.Rows;

    /// <summary>Scores the next token of each row.</summary>
    /// <param name="rows">The rows whose scores are wanted, in any order, also several times; null for each once.</param>
    /// <returns>Logits of the vocabulary, F32 <c>[B, vocabulary]</c>.</returns>
    public Tensor Score(IReadOnlyList<int>? rows = null)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var tuning = _encoder.Method.Tune(_encoder.Backbone, _tensors, _batch.Rows, dropout: null);
        var states = _encoder.Backbone.Forward(_batch, _cache?.Extend(tuning, _batch) ?? tuning, _encoder.ReservedPositions); // [B, U, H]
        var logits = _encoder.Backbone.LanguageHead!.Forward(states.select(1, states.size(1) - 1), tuning.Weights);
        return (rows is null ? logits : logits.index_select(0, Indices(rows))).MoveToOuterDisposeScope();
    }

    /// <summary>Continues each row with a token.</summary>
    /// <param name="ids">One per row.</param>
    public void Write(IReadOnlyList<int> ids)
    {
        var next = Indices(ids).unsqueeze(1);                                                                             // [B, 1]
        _batch = _cache is null ? _batch with { DecoderIds = cat([_batch.DecoderIds!, next], 1) } : _batch.Next(next);
    }

    /// <summary>Goes on with some of the rows, in any order; a row may come several times.</summary>
    /// <param name="rows">Their numbers.</param>
    public void Select(IReadOnlyList<int> rows)
    {
        if (rows.Count == Rows && rows.Select((row, index) => row == index).All(isSame => isSame))
            return;

        var indices = Indices(rows);
        _cache?.Select(indices);
        _batch = _batch.Select(indices);
    }

    public void Dispose() => _cache?.Dispose();

    private Tensor Indices(IReadOnlyList<int> numbers) => tensor([.. numbers.Select(number => (long)number)]).ToDevice(_batch.Ids.device);
}
