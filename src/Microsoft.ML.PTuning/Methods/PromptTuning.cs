using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning;

/// <summary>Prompt tuning (Lester et al. 2021): trained vectors among the tokens of the text, in the input only.</summary>
/// <remarks>
/// The vectors stand among the word embeddings, before positions and segments are added. Rows of several such models share a batch if their prompts are
/// equally long and stand in the same places.
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new PromptTuning { Length = 20, Start = PromptStart.FrequentWords },
/// });
/// </code>
/// </example>
public sealed class PromptTuning() : InputPromptMethod(length: Default.PrefixLength)
{
    internal const string Kind = "prompt-tuning";

    /// <summary>What the vectors are before training.</summary>
    public PromptStart Start { get; init; }

    /// <summary>The text whose words they begin with (<see cref="PromptStart.Text"/>); repeated if it is shorter than the prompt.</summary>
    public string? StartText { get; init; }

    /// <summary>
    /// Whether a head that reads one token ([CLS]) reads the first trained vector's state instead, as models of Hugging Face's PEFT do. Only with
    /// <see cref="PromptPlacement.BeforeText"/>.
    /// </summary>
    public bool ReadsPrompt { get; init; }

    /// <summary>
    /// Whether the text passes the embedding layer twice, and its positions are added twice, as in the input-only models of the official code of P-Tuning
    /// v2. It serves to compare with these. Only with <see cref="PromptPlacement.BeforeText"/>.
    /// </summary>
    public bool EmbedsTwice { get; init; }

    internal override double? UsualLearningRate => 2e-2;

    internal override object StackKey => (base.StackKey, EmbedsTwice);

    internal override bool ReadsFirstVector => ReadsPrompt;

    internal override MethodParameters Create(Backbone backbone, FirstValues first) => DirectParameters.Of(
        TrainedTensors.Prompt,
        first.Of(TrainedTensors.Prompt, PromptArrangement.Initializer(backbone, first))(Length, backbone.Configuration.EmbeddingSize));

    internal override IReadOnlyList<int>? ChooseWords(IEnumerable<EncodedRow> rows, TextTokenizer tokenizer, IReadOnlyList<string> classes) =>
        PromptArrangement.ChooseWords(Start, StartText, Length, rows, tokenizer, classes);

    internal override ArrangedBatch Arrange(EncodedBatch batch, Backbone backbone)
    {
        var arranged = base.Arrange(batch, backbone);
        return EmbedsTwice ? arranged with { Read = PromptArrangement.EmbedTwice(arranged.Read, batch, backbone) } : arranged;
    }

    internal override string? FindMisfit(Backbone backbone, int maxLength, int decoderLength = 0)
    {
        var (encoder, type) = (backbone.Configuration, backbone.Configuration.ModelType);
        return EmbedsTwice && encoder.EmbeddingSize != encoder.HiddenSize
            ? $"EmbedsTwice needs embeddings of the layers' size, {encoder.HiddenSize}, but those of this {type} have {encoder.EmbeddingSize} numbers. Leave it out."
            : base.FindMisfit(backbone, maxLength, decoderLength);
    }

    internal override void Check()
    {
        base.Check();
        PromptArrangement.Check(Start, StartText);
        if (EmbedsTwice)
            RequirePlacementBeforeText(nameof(EmbedsTwice));
    }
}
