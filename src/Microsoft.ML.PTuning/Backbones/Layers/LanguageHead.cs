using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>What a family calls the modules of its language model's head, as full checkpoints spell them.</summary>
internal sealed record LanguageHeadNames
{
    /// <summary>The first linear layer, which an activation follows; null where there is none.</summary>
    public string? Dense { get; init; }

    /// <summary>The layer normalisation after it; null where there is none.</summary>
    public string? Norm { get; init; }

    /// <summary>The activation's name; null for that of the layers.</summary>
    public string? Activation { get; init; }

    /// <summary>The key of the bias of each word; null where there is none.</summary>
    public string? Bias { get; init; }

    /// <summary>Whether that bias is stored as one row, <c>[1, vocabulary]</c>.</summary>
    public bool BiasIsRow { get; init; }

    /// <summary>The key of the words' vectors where they are not the embeddings.</summary>
    public required string Decoder { get; init; }

    /// <summary>Whether they never are, whatever <c>tie_word_embeddings</c> says.</summary>
    public bool HasOwnWords { get; init; }
}

/// <summary>The head of a masked or causal language model: for each token, a score of every word in the vocabulary.</summary>
/// <remarks>Safe for any number of threads.</remarks>
internal sealed class LanguageHead : IDisposable
{
    private readonly FrozenLinear? _dense;
    private readonly FrozenLayerNorm? _norm;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly FrozenLinear _decoder;
    private readonly Tensor? _rowBias; // [1, vocabulary]

    private LanguageHead(FrozenTensors tensors, LanguageHeadNames names, BackboneConfiguration configuration, Tensor words)
    {
        Tensors = tensors;
        _dense = names.Dense is { } dense ? FrozenLinear.Of(tensors, dense) : null;
        _norm = names.Norm is { } norm ? FrozenLayerNorm.Of(tensors, norm, configuration.LayerNormEpsilon) : null;
        _activation = Activation.Named(names.Activation ?? configuration.Activation);
        _decoder = new(Ties(names, configuration) ? words : tensors[names.Decoder], names.Bias is null || names.BiasIsRow ? null : tensors[names.Bias]);
        _rowBias = names is { Bias: { } row, BiasIsRow: true } ? tensors[row] : null;
    }

    /// <summary>Loads the head from an encoder's checkpoint.</summary>
    /// <param name="words">The encoder's word embeddings, <c>[vocabulary, E]</c>; they outlive the head.</param>
    /// <exception cref="InvalidDataException">The checkpoint holds no such head; what is missing is named.</exception>
    public static LanguageHead Load(
        ICheckpoint checkpoint, LanguageHeadNames names, BackboneConfiguration configuration, Tensor words)
    {
        var tensors = FrozenTensors.LoadPart(checkpoint, Declare(names, configuration), words.device, words.dtype);
        try
        {
            return new(tensors, names, configuration, words);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>The head's own tensors, under the names of the checkpoint; not the word embeddings where these are the decoder.</summary>
    public FrozenTensors Tensors { get; }

    /// <param name="hidden">The encoder's last hidden states at some tokens, of any type, <c>[N, H]</c>.</param>
    /// <param name="changes">What a method changes in frozen tensors, those of the encoder among them; null for nothing.</param>
    /// <returns>Logits of the vocabulary, F32 <c>[N, vocabulary]</c>.</returns>
    public Tensor Forward(Tensor hidden, WeightChanges? changes = null)
    {
        using var scope = NewDisposeScope();
        var logits = _decoder.Forward(Transform(hidden, changes), changes);
        return (_rowBias is { } bias ? logits.Plus(bias.Under(changes)) : logits).ToTrainedType().MoveToOuterDisposeScope();
    }

    /// <summary>What is multiplied with the words' vectors.</summary>
    /// <inheritdoc cref="Forward"/>
    /// <returns><c>[N, E]</c>.</returns>
    public Tensor Transform(Tensor hidden, WeightChanges? changes = null)
    {
        using var scope = NewDisposeScope();
        var states = hidden.to(_decoder.Weight.dtype).alias();
        if (_dense is { } dense)
            states = _activation(dense.Forward(states, changes));
        if (_norm is { } norm)
            states = norm.Forward(states, changes);
        return states.MoveToOuterDisposeScope();
    }

    /// <summary>The words' vectors, <c>[vocabulary, E]</c>.</summary>
    public Tensor Words => _decoder.Weight;

    public void Dispose() => Tensors.Dispose();

    private static bool Ties(LanguageHeadNames names, BackboneConfiguration configuration) => configuration.TiesWordEmbeddings && !names.HasOwnWords;

    /// <summary>Names and shapes of the head's own tensors.</summary>
    public static IReadOnlyList<TensorDeclaration> Declare(LanguageHeadNames names, BackboneConfiguration configuration)
    {
        var (hidden, embedding, vocabulary) = (configuration.HiddenSize, configuration.EmbeddingSize, configuration.VocabularySize);
        var declared = new List<TensorDeclaration>();
        if (names.Dense is { } dense)
            declared.AddRange(TensorDeclaration.Linear(dense, hidden, embedding));
        if (names.Norm is { } norm)
            declared.AddRange(TensorDeclaration.LayerNorm(norm, embedding));
        if (names.Bias is { } bias)
            declared.Add(new(bias, names.BiasIsRow ? [1, vocabulary] : [vocabulary]));
        if (!Ties(names, configuration))
            declared.Add(new(names.Decoder, [vocabulary, embedding]));
        return declared;
    }
}
