using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning;

/// <summary>AutoPrompt (Shin et al. 2020): words of the vocabulary, the trigger, are searched for that make the right answers likely.</summary>
/// <remarks>
/// <para>
/// A step computes the gradient of the loss for the vector of one trigger word, and takes the words as candidates that promise the smallest loss. The
/// next step's rows judge them: the best word stays if it beats the present one. The words are searched for in turn. The encoder stays frozen.
/// </para>
/// <para>
/// With a verbalizer, a class scores the sum of its words' probabilities, as in the paper. The model keeps the words' vectors;
/// <see cref="PTuningV2Transformer.PromptWords"/> names the words. A step takes as long as <see cref="Candidates"/> / 2 + 1 steps of prompt tuning,
/// about. Rows of several such models share a batch as with <see cref="PromptTuning"/>.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Backbone = "mini-cased",
///     Pattern = "{text} {prompt:3} {mask}.",
///     Verbalizer = new Verbalizer { ["positive"] = ["good", "great"], ["negative"] = ["bad"] },
///     Method = new AutoPrompt { Length = 3 },
/// });
/// </code>
/// </example>
public sealed class AutoPrompt() : InputPromptMethod(length: 3)
{
    internal const string Kind = "autoprompt";

    /// <summary>How many words are tried per step.</summary>
    public int Candidates { get; init; } = 10;

    /// <summary>
    /// How many words per class are looked for before training; they take the place of a verbalizer. 0 for none: the verbalizer's words, or a trained head.
    /// </summary>
    public int LabelWords { get; init; }

    internal override bool SumsProbabilities => true;

    internal override int WordsPerClass => LabelWords;

    internal override MethodParameters Create(Backbone backbone, FirstValues first) => new TriggerSearch(
        backbone,
        first.Values?.Contains(TrainedTensors.Prompt) == true ? NearestWords.Of(backbone, first.Values[TrainedTensors.Prompt]) : [.. first.Words!],
        first.FixedWords, Candidates);

    /// <summary>The mask token for every word, as in the paper's code; the most frequent words where the vocabulary has no mask token.</summary>
    internal override IReadOnlyList<int>? ChooseWords(IEnumerable<EncodedRow> rows, TextTokenizer tokenizer, IReadOnlyList<string> classes) =>
        tokenizer.MaskId is { } mask
            ? [.. Enumerable.Repeat(mask, Length)]
            : PromptArrangement.ChooseWords(PromptStart.FrequentWords, text: null, Length, rows, tokenizer, classes);

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout) => new(Prompts: new(tensors[TrainedTensors.Prompt]));

    internal override void Check()
    {
        base.Check();
        OptionRange.AtLeast(Candidates, 1);
        OptionRange.AtLeast(LabelWords, 0);
    }
}
