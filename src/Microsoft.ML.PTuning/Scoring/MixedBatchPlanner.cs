using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Puts rows of several models into batches of similar length.</summary>
/// <remarks>
/// Models of different methods or depths do not share a batch, nor do those that write, or of a method that does not stack. A text that several models with a common
/// trunk score stays in one batch.
/// </remarks>
internal static class MixedBatchPlanner
{
    /// <param name="tokenBudget">Largest number of tokens per batch, padding included; a longer part gets a batch of its own.</param>
    /// <param name="maxParts">Largest number of parts per batch.</param>
    /// <returns>Every part once.</returns>
    public static IEnumerable<QueuedPart[]> Plan(IReadOnlyList<QueuedPart> parts, int tokenBudget, int maxParts) => parts
        .GroupBy(p => (
            p.Row.Model.Network.Encoder.Backbone, p.Row.Model.Method.StackKey, p.Row.Model.Network.Encoder.TrunkLayers,
            Slots: p.Part.Sequences[0].PromptPlaces.Length, FillsGaps: p.Part.Sequences[0].NextIds.Length > 0,
            PerToken: !p.Row.Model.Network.Encoder.Backbone.HasStatePerToken && p.Row.Model.Network.Head.IsPerToken,
            Alone: p.Row.Model.Method.Stacks && p.Row.Model.Task.Writer is null ? null : p.Row.Model))
        .SelectMany(alike => Plan(alike.Key.TrunkLayers > 0 ? ByText(alike, maxParts) : [.. alike.Select(p => new[] { p })], tokenBudget))
        .SelectMany(batch => batch.Chunk(maxParts));

    /// <summary>What a part takes of a token budget if it is computed alone: those of its method and of a decoder among them.</summary>
    public static long TokensOf(QueuedPart part) => (long)LengthOf(part) * SequencesOf(part);

    private static IEnumerable<QueuedPart[]> Plan(QueuedPart[][] units, int budget)
    {
        int[] lengths = [.. units.Select(unit => LengthOf(unit[0]))];
        int[] sequences = [.. units.Select(unit => unit.Sum(SequencesOf))];
        return BatchPlanner.PlanByTokens(lengths, sequences, budget).Select(batch => batch.SelectMany(unit => units[unit]).ToArray());
    }

    private static int LengthOf(QueuedPart part) => part.Part.Length + part.Row.Model.Method.InsertedTokens + part.Row.Model.Task.DecoderLength;

    private static int SequencesOf(QueuedPart part) => part.Part.Sequences.Count * part.Row.Model.Method.Copies * part.Row.Model.Task.WrittenCopies;

    private static QueuedPart[][] ByText(IEnumerable<QueuedPart> parts, int maxParts) =>
    [
        .. parts
            .GroupBy(p => new PlacedText(p.Part.Sequences[0], p.Row.Model.Network.Encoder.ReservedPositions))
            .SelectMany(same => same.Key.Text.Length == same.Max(p => p.Part.Length) ? same.Chunk(maxParts) : same.Select(p => new[] { p })),
    ];
}
