using System.Reflection;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>The trained tensors of a model, and how many consecutive rows of a batch belong to it.</summary>
internal readonly record struct ModelRows(TrainedTensors Tensors, int Rows);

/// <summary>How a frozen encoder is adapted to a task. Each method is one file and one line here; a saved model names its kind.</summary>
/// <remarks>
/// Immutable; its settable properties are saved with the model. The caller passes encoder and trained tensors, so any number of threads may use
/// one.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(DeepPrefix), DeepPrefix.Kind)]
[JsonDerivedType(typeof(LinearProbe), LinearProbe.Kind)]
[JsonDerivedType(typeof(BitFit), BitFit.Kind)]
internal abstract record Method
{
    /// <summary>The kinds that saved models may name.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
        [.. typeof(Method).GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false).Select(derived => (string)derived.TypeDiscriminator!)];

    /// <summary>This method's kind, as saved models name it.</summary>
    public string KindName => (string)typeof(Method).GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)
        .Single(derived => derived.DerivedType == GetType()).TypeDiscriminator!;

    /// <summary>Positions that the method takes before those of the text.</summary>
    public virtual int ReservedPositions => 0;

    /// <summary>An encoder under this method.</summary>
    public PromptedEncoder Adapt(Backbone backbone) => new(backbone, this);

    /// <summary>
    /// The first layer that the method changes; L where it changes none. The layers below are the trunk. Their output never changes, unless the method
    /// <see cref="TunesEmbeddings"/>.
    /// </summary>
    public abstract int FirstTunedLayer(Backbone backbone);

    /// <summary>Whether the method changes the embeddings' output. Every layer's input then depends on it, and its first tuned layer is 0.</summary>
    public virtual bool TunesEmbeddings => false;

    /// <summary>Whether rows of several models can share a batch: <see cref="Stack"/>.</summary>
    public virtual bool Stacks => false;

    /// <summary>The tensors that the method trains, as they are saved beside the head's.</summary>
    public abstract IReadOnlyList<TensorDeclaration> Declare(Backbone backbone);

    /// <summary>The parameters to train, with their first values.</summary>
    public abstract MethodParameters Create(Backbone backbone, FirstValues first);

    /// <summary>What the method changes in the encoder for a batch of one model.</summary>
    /// <param name="tensors">The trained tensors, those of <see cref="Declare"/> among them.</param>
    /// <param name="rows">Rows of the batch, B.</param>
    /// <param name="dropout">Null when not training.</param>
    public abstract Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout);

    /// <summary>The same for a batch of several models that have this kind of method and the same <see cref="FirstTunedLayer"/>.</summary>
    /// <exception cref="NotSupportedException">The method does not stack.</exception>
    public virtual Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models) =>
        throw new NotSupportedException($"Models of the method {GetType().Name} cannot share a batch.");

    /// <param name="maxLength">Largest number of tokens per row.</param>
    /// <returns>Why this method does not fit the encoder, and what to do; null where it fits.</returns>
    public virtual string? FindMisfit(Backbone backbone, int maxLength) => maxLength > backbone.MaxPositions
        ? $"MaxLength {maxLength} exceeds the {backbone.MaxPositions} positions of the backbone. Use {backbone.MaxPositions} or less."
        : null;

    /// <summary>How this method differs from that of the model to start from, in the names of the options; empty where it does not.</summary>
    public abstract IReadOnlyList<string> DifferencesFrom(Method expected, Backbone backbone);
}
