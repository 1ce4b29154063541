using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>Tensors of a file under names that begin with the same words.</summary>
internal sealed record HeadPlace(ForeignTensors Tensors, string Prefix)
{
    public bool Has(string module) => Tensors.Has($"{Prefix}{module}.weight");
}

/// <summary>The heads of transformers' models: <c>...ForSequenceClassification</c>, <c>...ForTokenClassification</c>, <c>...ForQuestionAnswering</c>.</summary>
internal static class TransformersHead
{
    /// <summary>The last linear layer of heads that read tokens.</summary>
    public const string Tags = "classifier", Answers = "qa_outputs";

    /// <summary>The modules of a head.</summary>
    /// <returns>A pooler, null for none, and the last linear layer.</returns>
    /// <exception cref="InvalidDataException">The family's head is none of ours.</exception>
    public static (string? Pooler, string Output) NamesOf(TaskForm form, Backbone backbone) => form switch
    {
        TaskForm.Tokens => (null, Tags),
        TaskForm.Answers => (null, Answers),
        _ when backbone.OwnFamily.SentenceHead is { } names => (names.Pooler, names.Output),
        _ => throw new InvalidDataException(
            $"The head of transformers' sentence classifier over {backbone.Configuration.ModelType} is not supported: it is not a pooler, "
            + "then a linear layer. Supported are: "
            + $"{string.Join(", ", BackboneFamilies.All.Where(f => f.SentenceHead is not null).Select(f => f.ModelType))}."),
    };

    /// <summary>Whether a pooler belongs to the encoder, and stays as its checkpoint has it.</summary>
    public static bool IsOfEncoder(string pooler, Backbone backbone) => pooler.StartsWith(backbone.OwnFamily.Keys.Prefix, StringComparison.Ordinal);

    /// <summary>Reads a head from the first place that has it.</summary>
    /// <param name="adapter">The adapter's own tensors.</param>
    /// <param name="openEncoder">Opens the encoder's checkpoint, which may have a head.</param>
    /// <exception cref="InvalidDataException">No place has it.</exception>
    public static ForeignHead Read((string? Pooler, string Output) names, Backbone backbone, HeadPlace adapter, Func<ForeignTensors> openEncoder)
    {
        using var encoder = new LazyPlace(openEncoder);
        var hidden = backbone.Configuration.HiddenSize;
        var place = adapter.Has(names.Output) ? adapter
            : encoder.Place.Has(names.Output) ? encoder.Place
            : throw NoHead(names.Output, adapter, encoder);
        var (weight, bias) = place.Tensors.ReadLinear(place.Prefix + names.Output, -1, hidden);
        var head = new ForeignHead(weight, bias);
        if (names.Pooler is not { } pooler)
            return head;

        if (adapter.Has(pooler))
            return Trained(head, adapter, pooler, hidden);
        if (IsOfEncoder(pooler, backbone) && backbone.HasPooler)
            return head;
        if (encoder.Place.Has(pooler))
            return Trained(head, encoder.Place, pooler, hidden);
        throw new InvalidDataException(
            $"Neither '{adapter.Tensors.Source}' nor '{encoder.Place.Tensors.Source}' holds '{pooler}.weight', which the head reads: it was made at random for "
            + "the training and not saved, so the model is lost. Train it again with this module among modules_to_save.");
    }

    private static ForeignHead Trained(ForeignHead head, HeadPlace place, string pooler, long hidden) =>
        head with { Pooling = Pooling.Trained, Pooler = place.Tensors.ReadLinear(place.Prefix + pooler, hidden, hidden) };

    private static InvalidDataException NoHead(string output, HeadPlace adapter, LazyPlace encoder) => new(
        $"Neither '{adapter.Tensors.Source}' ('{adapter.Prefix}{output}.weight') nor '{encoder.Place.Tensors.Source}' ('{output}.weight') holds a head. "
        + "PEFT 0.15.2 and 0.16.0 save none with prompts and use the encoder's: name the checkpoint that they were trained on, with its head, as Backbone of "
        + "the options.");

    /// <summary>The encoder's checkpoint, opened when it is asked for.</summary>
    private sealed class LazyPlace(Func<ForeignTensors> open) : IDisposable
    {
        private HeadPlace? _place;

        public HeadPlace Place => _place ??= new(open(), "");

        public void Dispose() => _place?.Tensors.Dispose();
    }
}
