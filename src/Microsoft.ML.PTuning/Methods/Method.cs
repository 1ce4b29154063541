using System.Reflection;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>The trained tensors of a model, and how many rows of a batch in turn are its.</summary>
internal readonly record struct ModelRows(TrainedTensors Tensors, int Rows);

/// <summary>How a frozen encoder is adapted to a task. One file per method, and a line here; a saved model says its kind.</summary>
/// <remarks>
/// Immutable; its settable properties are what a saved model says of it. Stateless over an encoder: the trained tensors are handed in, so any
/// number of threads may use one.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(DeepPrefix), DeepPrefix.Kind)]
[JsonDerivedType(typeof(LinearProbe), LinearProbe.Kind)]
[JsonDerivedType(typeof(BitFit), BitFit.Kind)]
internal abstract record Method
{
    /// <summary>The kinds that files may name.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
        [.. typeof(Method).GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false).Select(derived => (string)derived.TypeDiscriminator!)];

    /// <summary>The kind of this one, as files name it.</summary>
    public string KindName => (string)typeof(Method).GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)
        .Single(derived => derived.DerivedType == GetType()).TypeDiscriminator!;

    /// <summary>Positions that it takes before those of the text.</summary>
    public virtual int ReservedPositions => 0;

    /// <summary>The method over an encoder.</summary>
    public PromptedEncoder Adapt(Backbone backbone) => new(backbone, this);

    /// <summary>
    /// The first layer that it changes, L where it changes none. The layers below are the trunk; with the embeddings, unless it
    /// <see cref="TunesEmbeddings"/>, their output is always the same.
    /// </summary>
    public abstract int FirstTunedLayer(Backbone backbone);

    /// <summary>Whether it changes the embeddings' output; then every layer's input depends on it, and its first tuned layer is 0.</summary>
    public virtual bool TunesEmbeddings => false;

    /// <summary>Whether rows of several models can share a batch: <see cref="Stack"/>.</summary>
    public virtual bool Stacks => false;

    /// <summary>The tensors that it trains, as they are saved beside the head's.</summary>
    public abstract IReadOnlyList<TensorDeclaration> Declare(Backbone backbone);

    /// <summary>What is trained, at its first values.</summary>
    public abstract MethodParameters Create(Backbone backbone, FirstValues first);

    /// <summary>What it changes in the encoder for a batch of one model.</summary>
    /// <param name="tensors">The trained tensors, those of <see cref="Declare"/> among them.</param>
    /// <param name="rows">Rows of the batch, B.</param>
    /// <param name="dropout">Null when not training.</param>
    public abstract Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout);

    /// <summary>The same for a batch that several models share: each has this kind of method and the same <see cref="FirstTunedLayer"/>.</summary>
    /// <exception cref="NotSupportedException">It does not stack.</exception>
    public virtual Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models) =>
        throw new NotSupportedException($"Models of the method {GetType().Name} share no batch.");

    /// <param name="maxLength">Most tokens of a row.</param>
    /// <returns>Why this method does not fit the encoder, and what to do; null where it fits.</returns>
    public virtual string? FindMisfit(Backbone backbone, int maxLength) => maxLength > backbone.MaxPositions
        ? $"MaxLength {maxLength} exceeds the {backbone.MaxPositions} positions of the backbone. Use {backbone.MaxPositions} or less."
        : null;

    /// <summary>How it differs from the method of a model that training is to start from, in the words of the options; empty where it does not.</summary>
    public abstract IReadOnlyList<string> DifferencesFrom(Method expected, Backbone backbone);
}
