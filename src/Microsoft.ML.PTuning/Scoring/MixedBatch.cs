using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A text and the position of its first token, which the trunk's output depends on. Compared by value.</summary>
/// <param name="Offset">Positions that a prefix takes before the text.</param>
internal sealed record PlacedText(EncodedRow Text, int Offset)
{
    public bool Equals(PlacedText? other) =>
        other is not null && Offset == other.Offset
        && (ReferenceEquals(Text, other.Text)
            || (Text.Ids.AsSpan().SequenceEqual(other.Text.Ids) && Text.Segments.AsSpan().SequenceEqual(other.Text.Segments)));

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Offset);
        hash.AddBytes(MemoryMarshal.AsBytes(Text.Ids.AsSpan()));
        return hash.ToHashCode();
    }
}

/// <summary>A part of a row, and the model that scores it.</summary>
internal readonly record struct ModelPart(PromptModel Model, ExamplePart Part);

/// <summary>One forward pass over rows of several models on one encoder. Each row has its model's prefix, and each head reads its model's rows.</summary>
/// <remarks>
/// The models have the same kind of method, which stacks, and the same <see cref="PromptedEncoder.TrunkLayers"/>. Tasks, prefix lengths and position
/// offsets may differ. If one head reads all tokens, the last layer computes all tokens of all rows.
/// </remarks>
internal static class MixedBatch
{
    /// <returns>For each part, the head's numbers of its sequences, one after the other, without padding.</returns>
    /// <param name="checkCancelled">Throws if nobody waits for the batch any more; called before each token of texts that are written.</param>
    public static float[][] Run(IReadOnlyList<ModelPart> parts, Action? checkCancelled = null)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var groups = Group(parts);
        var batch = Collate(groups.SelectMany(g => g.Sequences), groups[0].Model);
        if (groups[0].Model.Task.Writer is { } write)
            return Write(write, groups[0], batch, parts, checkCancelled ?? (() => { }));

        var results = groups.Length == 1 ? [groups[0].Model.Network.Forward(batch, groups[0].Model.Tensors)] : Forward(groups, batch);

        var outputs = new float[parts.Count][];
        foreach (var (group, result) in groups.Zip(results))
        {
            var values = Predictor.ByPart(result, [.. group.Parts.Select(i => parts[i].Part)], group.Model.Network.Head.IsPerToken);
            for (var i = 0; i < values.Length; i++)
                outputs[group.Parts[i]] = values[i];
        }
        return outputs;
    }

    /// <summary>A model that writes has the batch for itself.</summary>
    private static float[][] Write(BatchWriter write, ModelGroup group, EncodedBatch batch, IReadOnlyList<ModelPart> parts, Action checkCancelled)
    {
        var outputs = new float[parts.Count][];
        var written = write(group.Model.Network.Encoder, group.Model.Tensors, batch, [.. group.Parts.Select(i => parts[i].Part)], checkCancelled);
        foreach (var (part, numbers) in group.Parts.Zip(written))
            outputs[part] = numbers;
        return outputs;
    }

    /// <summary>Groups the parts by model, and sorts the models by the positions that their prefixes take.</summary>
    private static ModelGroup[] Group(IReadOnlyList<ModelPart> parts) =>
    [
        .. Enumerable.Range(0, parts.Count)
            .GroupBy(i => parts[i].Model)
            .OrderBy(group => group.Key.Network.Encoder.ReservedPositions)
            .Select(group => new ModelGroup(group.Key, [.. group], [.. group.SelectMany(i => parts[i].Part.Sequences)])),
    ];

    /// <returns>The outputs of each group's head over its own rows.</returns>
    private static Tensor[] Forward(ModelGroup[] groups, EncodedBatch batch)
    {
        var encoder = groups[0].Model.Network.Encoder;
        batch = groups[0].Model.Network.AddDecoder(batch);
        var arranged = encoder.Method.Arrange(batch, encoder.Backbone);
        var tuning = encoder.Method.Stack(encoder.Backbone, [.. groups.Select(g => new ModelRows(g.Model.Method, g.Model.Tensors, g.Sequences.Length))]);
        var sentenceTokenOnly = arranged.AllowsSentenceTokenOnly && groups.All(g => g.Model.Network.Head.ReadsSentenceTokenOnly);
        var hidden = encoder.Method.TunesEmbeddings || !encoder.Backbone.HasStatePerToken              // [S, T, H] or [S, 1, H]
            ? encoder.Forward(arranged.Read, tuning, dropout: null, sentenceTokenOnly)
            : encoder.RunTuned(RunTrunk(groups, batch), batch, tuning, dropout: null, sentenceTokenOnly);
        var states = arranged.TextStates(hidden);

        var start = 0;
        return [.. groups.Select(group =>
        {
            var (first, count) = (start, group.Sequences.Length);
            start += count;
            return group.Model.Network.Head.Forward(
                encoder.Backbone, states.narrow(0, first, count), arranged.Text.Slice(first, count), group.Model.Tensors, tuning, dropout: null);
        })];
    }

    /// <summary>Runs embeddings and trunk. A text that several models score runs through them once.</summary>
    private static Tensor RunTrunk(ModelGroup[] groups, EncodedBatch batch)
    {
        var encoder = groups[0].Model.Network.Encoder;
        PlacedText[] rows = [.. groups.SelectMany(g => g.Sequences.Select(s => new PlacedText(s, g.Model.Network.Encoder.ReservedPositions)))];
        if (encoder.TrunkLayers == 0)
            return Embed(groups[0].Model, rows, batch);

        var numbers = new Dictionary<PlacedText, long>();
        long[] places = [.. rows.Select(row => numbers.TryAdd(row, numbers.Count) ? numbers.Count - 1 : numbers[row])];
        var isOnce = numbers.Count == rows.Length;
        PlacedText[] texts = isOnce ? rows : [.. numbers.OrderBy(n => n.Value).Select(n => n.Key)];
        var once = isOnce ? batch : Collate(texts.Select(t => t.Text), groups[0].Model);
        var output = encoder.Backbone.RunLayers(Embed(groups[0].Model, texts, once), once, Tuning.None, 0, encoder.TrunkLayers);
        return isOnce ? output : output.index_select(0, tensor(places).ToDevice(output.device));
    }

    /// <summary>Embeds rows, those that begin at the same position together.</summary>
    /// <remarks>Each group is padded to its own longest row. Longer rows, which begin earlier, could exceed the positions of this group.</remarks>
    private static Tensor Embed(PromptModel model, PlacedText[] rows, EncodedBatch batch)
    {
        var backbone = model.Network.Encoder.Backbone;
        PlacedText[][] byOffset = [.. rows.GroupBy(row => row.Offset).Select(same => same.ToArray())];
        if (byOffset.Length == 1)
            return backbone.Embed(batch, rows[0].Offset);

        return cat([.. byOffset.Select(same =>
        {
            var own = Collate(same.Select(row => row.Text), model);
            var embedded = backbone.Embed(own, same[0].Offset);
            return own.Length == batch.Length ? embedded : nn.functional.pad(embedded, [0, 0, 0, batch.Length - own.Length]);
        })], 0);                                                                                       // [S, T, H]
    }

    private static EncodedBatch Collate(IEnumerable<EncodedRow> sequences, PromptModel model) =>
        EncodedRow.Collate([.. sequences], model.Tokenizer.PadId, model.Device);

    /// <param name="Parts">Numbers of its parts in the batch.</param>
    /// <param name="Sequences">The sequences of these, in order.</param>
    private sealed record ModelGroup(PromptModel Model, int[] Parts, EncodedRow[] Sequences);
}
