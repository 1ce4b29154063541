using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training.Distributed;

/// <summary>The rows of a shard as a message, and what else its gradients depend on.</summary>
/// <param name="Task">Which of the training's tasks.</param>
/// <param name="Weight">What the loss is divided by: the terms of the whole batch.</param>
/// <param name="LossScale">What it is multiplied by; null for nothing.</param>
/// <param name="Generator">The state of the shard's dropout.</param>
internal sealed record ShardRows(int Task, double Weight, double? LossScale, byte[] Generator, IReadOnlyList<ExamplePart> Parts)
{
    private static readonly JsonSerializerOptions Json = StateJson.Options();

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(
        new Message(Task, Weight, LossScale, Generator, [.. Parts.Select(part => new Part([.. part.Sequences.Select(Sequence.Of)], part.Target))]), Json);

    /// <exception cref="FormatException">The bytes are no such message.</exception>
    public static ShardRows Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var message = JsonSerializer.Deserialize<Message>(bytes, Json)!;
            if (message.Parts.Count == 0 || message.Parts.Any(part => part.Sequences.Count == 0))
                throw new FormatException("The shard has no rows, or a row without text; expected one or more.");
            return new(
                message.Task, message.Weight, message.LossScale, message.Generator,
                [.. message.Parts.Select(part => new ExamplePart([.. part.Sequences.Select(sequence => sequence.ToRow())], part.Target))]);
        }
        catch (Exception e) when (e is JsonException or ArgumentNullException or NullReferenceException)
        {
            throw new FormatException($"The bytes are not the rows of a shard: {e.Message} Expected ShardWork.Rows.", e);
        }
    }

    private sealed record Message(int Task, double Weight, double? LossScale, byte[] Generator, IReadOnlyList<Part> Parts);

    private sealed record Part(IReadOnlyList<Sequence> Sequences, float[] Target);

    /// <summary>An <see cref="EncodedRow"/>.</summary>
    private sealed record Sequence(
        int[] Ids, int[] Segments, int[] DecoderIds, int[] Gaps, int[] GapPlaces, int[] NextIds, int[] PromptPlaces, int? MaskPlace)
    {
        public static Sequence Of(EncodedRow row) => new(
            row.Ids, row.Segments, row.DecoderIds, [.. row.DecoderPositions.Select(position => position.Gap)],
            [.. row.DecoderPositions.Select(position => position.Place)], row.NextIds, row.PromptPlaces, row.MaskPlace);

        public EncodedRow ToRow() => Ids.Length == Segments.Length
            ? new(Ids, Segments)
            {
                DecoderIds = DecoderIds,
                DecoderPositions = [.. Gaps.Zip(GapPlaces)],
                NextIds = NextIds,
                PromptPlaces = PromptPlaces,
                MaskPlace = MaskPlace,
            }
            : throw new FormatException($"A row has {Ids.Length} tokens and {Segments.Length} segments; expected as many.");
    }
}
