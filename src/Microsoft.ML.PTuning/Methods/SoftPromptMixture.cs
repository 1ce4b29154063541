using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>A mixture of soft prompts (Qin &amp; Eisner 2021): several prompts, whose predictions are averaged with learned weights.</summary>
/// <remarks>
/// The probability of a class y for a text x is the weighted mean of its probabilities under each prompt t, <c>p(y|x) = Σ w(t|x) p(y|t, x)</c>. The
/// task must have classes: one of several, or true or false. The encoder reads each row once per prompt, so training and scoring take
/// <see cref="Prompts"/> times as long. Rows of several models do not share a batch.
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new SoftPromptMixture { Prompts = 3, Length = 10, Deep = true },
/// });
/// </code>
/// </example>
public sealed class SoftPromptMixture() : InputPromptMethod(length: 10)
{
    internal const string Kind = "soft-prompt-mixture";

    private const string Mixture = "mixture", Gate = "gate", Deltas = "deltas", Vectors = "prompts";

    /// <summary>How many prompts, M.</summary>
    public int Prompts { get; init; } = 3;

    /// <summary>What the vectors are before training. Prompts that begin with words differ by random numbers, N(0, 0.02).</summary>
    public PromptStart Start { get; init; }

    /// <summary>The text whose words they begin with (<see cref="PromptStart.Text"/>); repeated if it is shorter than a prompt.</summary>
    public string? StartText { get; init; }

    /// <summary>Whether to also train vectors that are added to the input of each layer, at the places of the prompt. They begin at 0.</summary>
    public bool Deep { get; init; }

    /// <summary>
    /// Whether the weights depend on the text: a linear layer over the mean of its word embeddings is added to the learned ones. (In the paper they
    /// depend on the language model's probability of the text.)
    /// </summary>
    public bool WeightsByInput { get; init; }

    internal override double? UsualLearningRate => 1e-2;

    internal override bool MixesClasses => true;

    internal override int Copies => Prompts;

    internal override bool Stacks => false;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone)
    {
        var encoder = backbone.Configuration;
        return
        [
            new(Vectors, [Prompts, Length, encoder.EmbeddingSize]),
            new(Mixture, [Prompts]),
            .. Deep ? [new TensorDeclaration(Deltas, [encoder.Layers, Prompts, Length, encoder.HiddenSize])] : Array.Empty<TensorDeclaration>(),
            .. WeightsByInput ? [new TensorDeclaration(Gate, [Prompts, encoder.EmbeddingSize])] : Array.Empty<TensorDeclaration>(),
        ];
    }

    internal override MethodParameters Create(Backbone backbone, FirstValues first)
    {
        var start = PromptArrangement.Initializer(backbone, first);
        return new DirectParameters(Declare(backbone).ToDictionary(tensor => tensor.Name, tensor => first.Of(tensor.Name, tensor.Name switch
        {
            Vectors when first.Words is not null => shape => first.Weight(shape).AddInPlace(start(shape[1..])),
            Deltas or Mixture => first.Bias,
            _ => first.Weight,
        })(tensor.Shape)));
    }

    internal override IReadOnlyList<int>? ChooseWords(IEnumerable<EncodedRow> rows, TextTokenizer tokenizer, IReadOnlyList<string> classes) =>
        PromptArrangement.ChooseWords(Start, StartText, Length, rows, tokenizer, classes);

    internal override ArrangedBatch Arrange(EncodedBatch batch, Backbone backbone) =>
        base.Arrange(batch.Repeat(Prompts), backbone);

    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout)
    {
        var perPrompt = rows / Prompts;
        var vectors = ByRow(tensors[Vectors]);                                                        // [M · B, P, E]
        return new(Prompts: new(dropout?.Apply(vectors) ?? vectors, Deep ? [.. tensors[Deltas].unbind(0).Select(ByRow)] : null));

        Tensor ByRow(Tensor prompts) => prompts.repeat_interleave(perPrompt, 0);
    }

    internal override Tensor Combine(Tensor outputs, EncodedBatch batch, Backbone backbone, TrainedTensors tensors)
    {
        var ofClasses = outputs.view(Prompts, batch.Rows, -1).log_softmax(-1);                        // [M, B, K]
        var weights = tensors[Mixture].unsqueeze(1);                                                  // [M, 1]
        if (WeightsByInput)
            weights = weights.Plus(nn.functional.linear(MeanWord(batch, backbone), tensors[Gate]).t()); // [M, B]
        return ofClasses.Plus(weights.log_softmax(0).unsqueeze(-1)).logsumexp(0);                     // [B, K]
    }

    internal override void Check()
    {
        base.Check();
        OptionRange.AtLeast(Prompts, 2);
        PromptArrangement.Check(Start, StartText);
    }

    private static Tensor MeanWord(EncodedBatch batch, Backbone backbone)
    {
        var words = backbone.WordEmbeddings.index_select(0, batch.Ids.view(-1)).view(batch.Rows, batch.Length, -1).ToTrainedType();
        if (batch.Mask is not { } mask)
            return words.mean([1]);                                                                   // [B, E]

        return mask.unsqueeze(1).bmm(words).squeeze(1).div(mask.sum([1], keepdim: true));
    }
}
