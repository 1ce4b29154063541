using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>How an encoder is adapted to a task: <see cref="TrainingOptions.Method"/>.</summary>
/// <remarks>
/// <para>
/// Each method is a class: <see cref="PromptTuning"/>, <see cref="PTuningV1"/>, <see cref="SoftPromptMixture"/>, <see cref="AutoPrompt"/>,
/// <see cref="BitFit"/>, <see cref="LowRankAdaptation"/>, <see cref="FineTuning"/>, <see cref="LinearProbe"/>. Without one, a trainer learns by P-Tuning
/// v2, as the options of the prefix say. Applications cannot derive methods of their own.
/// </para>
/// <para>A method's properties are saved with the model. They are set when it is created, so trainers and threads may share one.</para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new BitFit(),
/// });
/// </code>
/// </example>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(DeepPrefix), DeepPrefix.Kind)]
[JsonDerivedType(typeof(LinearProbe), LinearProbe.Kind)]
[JsonDerivedType(typeof(BitFit), BitFit.Kind)]
[JsonDerivedType(typeof(FineTuning), FineTuning.Kind)]
[JsonDerivedType(typeof(LowRankAdaptation), LowRankAdaptation.Kind)]
[JsonDerivedType(typeof(PromptTuning), PromptTuning.Kind)]
[JsonDerivedType(typeof(PTuningV1), PTuningV1.Kind)]
[JsonDerivedType(typeof(SoftPromptMixture), SoftPromptMixture.Kind)]
[JsonDerivedType(typeof(AutoPrompt), AutoPrompt.Kind)]
public abstract class TuningMethod
{
    // Each method is one file and one line above; a saved model names its kind.
    private protected TuningMethod()
    {
    }

    /// <summary>The kinds that saved models may name.</summary>
    internal static IReadOnlyDictionary<string, Type> Kinds { get; } = JsonKinds.Of<TuningMethod>();

    /// <summary>This method's kind, as saved models name it.</summary>
    internal string KindName => Kinds.Single(kind => kind.Value == GetType()).Key;

    /// <summary>The learning rate where the caller has set none; null for that of the task.</summary>
    internal virtual double? UsualLearningRate => null;

    /// <summary>Whether a verbalizer's classes score the sum of their words' probabilities, not the mean of their logits.</summary>
    internal virtual bool SumsProbabilities => false;

    /// <summary>How many words per class are looked for before training, for a verbalizer; 0 for none.</summary>
    internal virtual int WordsPerClass => 0;

    /// <summary>Whether the head's outputs must be scores of classes.</summary>
    internal virtual bool MixesClasses => false;

    /// <summary>Positions that the method takes before those of the text, without tokens there.</summary>
    internal virtual int ReservedPositions => 0;

    /// <summary>Trained tokens that <see cref="Arrange"/> adds to each row.</summary>
    internal virtual int InsertedTokens => 0;

    /// <summary>How often <see cref="Arrange"/> repeats each row.</summary>
    internal virtual int Copies => 1;

    /// <summary>Whether the method changes the embeddings' output. Every layer's input then depends on it, and its first tuned layer is 0.</summary>
    internal virtual bool TunesEmbeddings => false;

    /// <summary>Whether the method changes the encoder's weights, not only what the encoder reads.</summary>
    internal virtual bool ChangesWeights => false;

    /// <summary>Whether rows of several models can share a batch: <see cref="Stack"/>.</summary>
    internal virtual bool Stacks => false;

    /// <summary>What models must have in common, beside their first tuned layer, to share a batch. Compared by value.</summary>
    internal virtual object StackKey => GetType();

    /// <summary>An encoder under this method.</summary>
    internal PromptedEncoder Adapt(Backbone backbone) => new(backbone, this);

    /// <summary>
    /// The first layer that the method changes; L where it changes none. The layers below are the trunk. Their output never changes, unless the method
    /// <see cref="TunesEmbeddings"/>.
    /// </summary>
    internal abstract int FirstTunedLayer(Backbone backbone);

    /// <summary>The tensors that the method trains, as they are saved beside the head's.</summary>
    internal abstract IReadOnlyList<TensorDeclaration> Declare(Backbone backbone);

    /// <summary>The parameters to train, with their first values.</summary>
    internal abstract MethodParameters Create(Backbone backbone, FirstValues first);

    /// <summary>Chooses the words that trained vectors begin with.</summary>
    /// <param name="rows">The training rows.</param>
    /// <param name="classes">The classes' names; empty where there are none.</param>
    /// <returns>Token ids; null for random vectors.</returns>
    /// <exception cref="InvalidOperationException">There are no such words.</exception>
    internal virtual IReadOnlyList<int>? ChooseWords(IEnumerable<EncodedRow> rows, TextTokenizer tokenizer, IReadOnlyList<string> classes) => null;

    /// <summary>How many training rows the trained vectors begin with; 0 for none.</summary>
    internal virtual int StartRows => 0;

    /// <summary>The batch as the encoder reads it, with what the method adds to its rows.</summary>
    internal virtual ArrangedBatch Arrange(EncodedBatch batch, Backbone backbone) => new(batch, batch);

    /// <summary>What the method changes in the encoder for a batch of one model.</summary>
    /// <param name="tensors">The trained tensors, those of <see cref="Declare"/> among them.</param>
    /// <param name="rows">Rows of the batch that the encoder reads, B.</param>
    /// <param name="dropout">Null when not training.</param>
    internal abstract Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout);

    /// <summary>The same for a batch of several models that have the same <see cref="StackKey"/> and the same <see cref="FirstTunedLayer"/>.</summary>
    /// <exception cref="NotSupportedException">The method does not stack.</exception>
    internal virtual Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models) =>
        throw new NotSupportedException($"Models of the method {GetType().Name} cannot share a batch.");

    /// <summary>What a trained model is saved as: this method and its tensors, unless the method saves another form of them.</summary>
    /// <param name="tensors">The trained tensors, those of the head among them. They stay the caller's.</param>
    /// <returns>The tensors as they are, or others, which the caller takes over.</returns>
    internal virtual (TuningMethod Method, TrainedTensors Tensors) Finish(Backbone backbone, TrainedTensors tensors) => (this, tensors);

    /// <summary>The outputs of the rows, from those of the rows that the encoder read.</summary>
    /// <param name="outputs">The head's outputs, <c>[Copies · B, ...]</c>, all rows' first copies first.</param>
    /// <param name="batch">The batch before <see cref="Arrange"/>.</param>
    /// <returns><c>[B, ...]</c>.</returns>
    internal virtual Tensor Combine(Tensor outputs, EncodedBatch batch, Backbone backbone, TrainedTensors tensors) => outputs;

    /// <param name="maxLength">Largest number of tokens of a text.</param>
    /// <param name="decoderLength">Largest number of tokens that a decoder reads behind it.</param>
    /// <returns>Why this method does not fit the encoder, and what to do; null where it fits.</returns>
    internal virtual string? FindMisfit(Backbone backbone, int maxLength, int decoderLength = 0)
    {
        var room = backbone.RoomForText(decoderLength);
        if (maxLength > room)
            return $"MaxLength {maxLength}{Beside(decoderLength)} exceeds the {backbone.MaxPositions} positions of the backbone. Use {Least(room)} or less"
                + $"{OrWriteLess(decoderLength)}.";

        return (long)InsertedTokens + maxLength > room
            ? $"{InsertedTokens} prompt tokens and MaxLength {maxLength}{Beside(decoderLength)} together exceed the {backbone.MaxPositions} positions of the "
                + $"backbone. Use a MaxLength of {Least(room - InsertedTokens)} or less, or a shorter prompt{OrWriteLess(decoderLength)}."
            : null;
    }

    /// <summary>What a text shares the positions with, for messages.</summary>
    private protected static string Beside(int decoderLength) => decoderLength == 0 ? "" : $", with {decoderLength} tokens for what is written,";

    private protected static string OrWriteLess(int decoderLength) => decoderLength == 0 ? "" : ", or fewer MaxNewTokens";

    private static int Least(int room) => Math.Max(0, room);

    /// <exception cref="ArgumentOutOfRangeException">A property is out of its range.</exception>
    internal virtual void Check()
    {
    }

    /// <summary>How this method differs from that of the model to start from, in the names of the options; empty where it does not.</summary>
    internal virtual IReadOnlyList<string> DifferencesFrom(TuningMethod expected, Backbone backbone)
    {
        if (expected.GetType() != GetType())
            return [$"the method is {KindName}, expected {expected.KindName}"];

        return
        [
            .. from property in GetType().GetProperties()
               where property.CanWrite && !Equals(property.GetValue(this), property.GetValue(expected))
               select $"{property.Name} is {property.GetValue(this)}, expected {property.GetValue(expected)}",
        ];
    }
}
