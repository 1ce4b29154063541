using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>What a model's head reads.</summary>
internal enum TaskForm
{
    /// <summary>A text: one row of numbers.</summary>
    Sentence,

    /// <summary>Each token, for tags.</summary>
    Tokens,

    /// <summary>Each token, for starts and ends of answers.</summary>
    Answers,

    /// <summary>A text with one of several choices: one number.</summary>
    Choice,

    /// <summary>Each token of a text that is written: the language model's own head.</summary>
    Writing,
}

/// <summary>A method with its trained tensors, by their saved names.</summary>
internal sealed record ForeignMethod(TuningMethod Method, IReadOnlyDictionary<string, Tensor> Tensors);

/// <summary>The last linear layer, and what it reads.</summary>
/// <param name="Weight"><c>[K, H]</c>.</param>
/// <param name="Bias"><c>[K]</c>.</param>
internal sealed record ForeignHead(Tensor Weight, Tensor Bias)
{
    /// <summary>The checkpoint's pooler or <see cref="Pooler"/>; for heads that read tokens without meaning.</summary>
    public Pooling Pooling { get; init; } = Pooling.Checkpoint;

    /// <summary>Weight and bias of the trained pooler; null for none.</summary>
    public (Tensor Weight, Tensor Bias)? Pooler { get; init; }
}

/// <summary>A model that another program saved. Its tensors are copies, in the dispose scope of the caller.</summary>
/// <param name="folder">The model's folder.</param>
internal abstract class ForeignModel(string folder) : IDisposable
{
    public string Folder { get; } = folder;

    /// <summary>The encoder that it names: a hub id or a folder.</summary>
    /// <exception cref="InvalidDataException">It names none.</exception>
    public abstract string Encoder { get; }

    /// <summary>What its head reads; null if the files do not tell.</summary>
    public abstract TaskForm? Form { get; }

    /// <summary>Whether it may be a language model that writes, if the files do not tell what its head reads.</summary>
    public virtual bool MayWrite => false;

    /// <inheritdoc cref="TuningMethod.ChangesWeights"/>
    public virtual bool ChangesWeights => false;

    /// <summary>The classes in the order of the outputs; null if the files do not tell.</summary>
    public virtual IReadOnlyList<string>? Classes => null;

    /// <summary>Whether each class is decided by itself; null if the files do not tell.</summary>
    public virtual bool? IsMultiLabel => null;

    /// <summary>Checks the encoder that was found, if the model knows more of it than its name.</summary>
    /// <exception cref="InvalidDataException">It is another one.</exception>
    public virtual void CheckEncoder(Backbone backbone, string encoderFolder)
    {
    }

    /// <exception cref="InvalidDataException">The method is not supported, or does not fit the encoder.</exception>
    public abstract ForeignMethod ReadMethod(Backbone backbone, TaskForm form);

    /// <param name="encoderFolder">The folder of the encoder, whose checkpoint may have a head.</param>
    /// <returns>Null for the language model's own head.</returns>
    /// <exception cref="InvalidDataException">There is no such head, or it is not supported.</exception>
    public abstract ForeignHead? ReadHead(Backbone backbone, TaskForm form, string encoderFolder);

    /// <summary>Refuses what was not read.</summary>
    /// <exception cref="InvalidDataException">Something was not.</exception>
    public abstract void RefuseUnread();

    public abstract void Dispose();
}
