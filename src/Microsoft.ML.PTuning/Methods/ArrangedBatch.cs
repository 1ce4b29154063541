using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>A model's method and trained tensors, and how many consecutive rows of a batch belong to it.</summary>
internal readonly record struct ModelRows(TuningMethod Method, TrainedTensors Tensors, int Rows);

/// <summary>A batch as the encoder reads it under a method, and as the head sees it.</summary>
/// <param name="Read">What the encoder reads: the texts, with trained tokens where the method adds them.</param>
/// <param name="Text">The same rows without the added tokens.</param>
internal sealed record ArrangedBatch(EncodedBatch Read, EncodedBatch Text)
{
    /// <summary>Where the added tokens stand in every row; an empty range for none.</summary>
    public Range Added { get; init; } = 0..0;

    /// <summary>Whether the first added token's state is read in place of the text's first token.</summary>
    public bool ReadsFirstAdded { get; init; }

    /// <summary>Whether the last layer may compute the sentence token alone: it stands where the text has it.</summary>
    public bool AllowsSentenceTokenOnly => ReferenceEquals(Read.Ids, Text.Ids);

    /// <summary>A batch of which the method adds <paramref name="count"/> tokens to each row.</summary>
    /// <param name="at">Where they begin, in tokens.</param>
    /// <param name="id">An id that stands for them; their vectors are the method's.</param>
    public static ArrangedBatch Insert(EncodedBatch text, int at, int count, int id) =>
        new(text.Inserted(at, count, id), text) { Added = at..(at + count) };

    /// <summary>The states of the text's tokens.</summary>
    /// <param name="hidden">The states of all that the encoder read, <c>[B, P + T, H]</c>.</param>
    /// <returns><c>[B, T, H]</c>; those of the decoder's tokens, <c>[B, U, H]</c>, where it reads some.</returns>
    public Tensor TextStates(Tensor hidden)
    {
        var (start, end) = (Added.Start.Value, Added.End.Value);
        if (start == end || Read.DecoderIds is not null)
            return hidden;

        var after = hidden.narrow(1, end, hidden.size(1) - end);
        if (ReadsFirstAdded)
            return cat([hidden.narrow(1, start, 1), after.narrow(1, 1, after.size(1) - 1)], 1);
        return start == 0 ? after : cat([hidden.narrow(1, 0, start), after], 1);
    }
}
