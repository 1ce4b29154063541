using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Runs one layer of an encoder over the batch it was opened for.</summary>
/// <param name="layer">Which, from 0.</param>
/// <param name="hidden">What enters it, <c>[B, T, H]</c>.</param>
/// <param name="firstTokenOnly">Whether only the first token's state is read of what leaves it; the other tokens then send no queries.</param>
/// <returns>What leaves it, <c>[B, T, H]</c>, or <c>[B, 1, H]</c>.</returns>
internal delegate Tensor LayerRun(int layer, Tensor hidden, LayerPrefix? prefix, bool firstTokenOnly);

/// <summary>A frozen encoder: plain tensors and functions, nothing of it is trained.</summary>
/// <remarks>
/// Stateless after construction, so any number of threads may run it at once. A family says what its attention may see and where its
/// tokens stand; prefixes, heads and tasks never ask which family they sit on.
/// </remarks>
internal abstract class Backbone(BackboneConfiguration configuration, ScalarType elementType = ScalarType.Float32) : IDisposable
{
    public BackboneConfiguration Configuration { get; } = configuration;

    /// <summary>The type of weights and hidden states.</summary>
    public ScalarType ElementType { get; } = elementType;

    /// <summary>How many numbers the encoder holds.</summary>
    public abstract long ParameterCount { get; }

    /// <summary>How many positions there are for prefix and tokens together.</summary>
    public abstract int MaxPositions { get; }

    /// <summary>Whether the checkpoint brought a pooler, the trained layer between the first token and a sentence classifier.</summary>
    public abstract bool HasPooler { get; }

    /// <summary>Whether the padding token's id says where tokens stand.</summary>
    public virtual bool CountsFromPadToken => false;

    /// <summary>What follows the dense layer of a sentence pooler that is trained with a head, where the checkpoint brought none.</summary>
    public virtual Func<Tensor, Tensor> PoolerActivation { get; } = Activation.Named("tanh");

    /// <summary>Loads an encoder from a Hugging Face directory: <c>config.json</c> and weights (<see cref="CheckpointFiles"/>).</summary>
    /// <param name="device">Where it goes. On the CPU, F32 weights stay mapped to their files.</param>
    /// <param name="precision">The type that the weights get, whatever they are stored in.</param>
    /// <exception cref="FileNotFoundException">There is no configuration, or there are no weights.</exception>
    /// <exception cref="InvalidDataException">The files are damaged, of no supported family, or do not belong together; all that is wrong is named.</exception>
    public static Backbone Load(string directory, Device device, BackbonePrecision precision = BackbonePrecision.Float32)
    {
        var configuration = BackboneConfiguration.Read(directory);
        var family = BackboneFamilies.Find(configuration.ModelType)!;

        using var checkpoint = CheckpointFiles.Find(directory).Open();
        var tensors = FrozenTensors.Load(checkpoint, family.KeyPrefix, family.Declare(configuration), device, precision.ElementType());
        try
        {
            return family.Create(configuration, tensors);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>The embeddings' output.</summary>
    /// <param name="positionOffset">What is added to each token's position: P where the prefix takes the first positions, else 0.</param>
    /// <returns>Hidden states, <c>[B, T, H]</c>.</returns>
    public abstract Tensor Embed(EncodedBatch batch, int positionOffset, Dropout? dropout = null);

    /// <summary>Runs the layers from <paramref name="first"/> up to, not including, <paramref name="end"/>.</summary>
    /// <param name="hidden">Hidden states that enter the first of them, <c>[B, T, H]</c>.</param>
    /// <param name="prefixes">One a layer of the whole encoder, null where a layer has none; or null for no prefix at all.</param>
    /// <param name="firstTokenOnly">Whether only the first token's state is read of what leaves the last of them; there the other tokens send no queries.</param>
    /// <returns>Hidden states, <c>[B, T, H]</c>; of the first token only, <c>[B, 1, H]</c>, unless there is no layer to run.</returns>
    public Tensor RunLayers(
        Tensor hidden, EncodedBatch batch, IReadOnlyList<LayerPrefix?>? prefixes, int first, int end, Dropout? dropout = null,
        bool firstTokenOnly = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, end);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, Configuration.Layers);
        if (prefixes is not null && prefixes.Count != Configuration.Layers)
        {
            throw new ArgumentException(
                $"Expected a prefix, or null, for each of the {Configuration.Layers} layers, found {prefixes.Count}.", nameof(prefixes));
        }

        if (first == end)
            return hidden;

        using var scope = NewDisposeScope();
        var run = OpenLayers(batch, dropout);
        var entered = hidden;
        for (var i = first; i < end; i++)
        {
            var left = run(i, entered, prefixes?[i], firstTokenOnly && i == end - 1);
            if (!ReferenceEquals(entered, hidden))
                entered.Dispose();
            entered = left;
        }

        return entered.MoveToOuterDisposeScope();
    }

    /// <summary>The checkpoint's own pooler over the first token.</summary>
    /// <param name="hidden">The last layer's hidden states, <c>[B, T, H]</c>, or those of the first token, <c>[B, 1, H]</c>.</param>
    /// <returns>Sentence vectors, of the type of <paramref name="hidden"/>, <c>[B, H]</c>.</returns>
    /// <exception cref="InvalidOperationException">The checkpoint brought no pooler.</exception>
    public abstract Tensor Pool(Tensor hidden);

    /// <summary>Embeddings and all layers.</summary>
    /// <returns>Hidden states, <c>[B, T, H]</c>.</returns>
    public Tensor Forward(EncodedBatch batch, IReadOnlyList<LayerPrefix?>? prefixes = null, int positionOffset = 0, Dropout? dropout = null)
    {
        using var scope = NewDisposeScope();
        var embedded = Embed(batch, positionOffset, dropout);
        return RunLayers(embedded, batch, prefixes, 0, Configuration.Layers, dropout).MoveToOuterDisposeScope();
    }

    public abstract void Dispose();

    /// <exception cref="ArgumentException">Prefix and tokens together need more positions than there are.</exception>
    protected void RequirePositions(EncodedBatch batch, int offset)
    {
        if (offset + batch.Length > MaxPositions)
        {
            throw new ArgumentException(
                $"{offset} prefix positions and {batch.Length} tokens need {offset + batch.Length} positions, "
                + $"but this {Configuration.ModelType} backbone has {MaxPositions}. Shorten the prefix or the texts.", nameof(batch));
        }
    }

    /// <summary>Prepares what all layers need for a batch, in the current dispose scope: masks, relative positions.</summary>
    public abstract LayerRun OpenLayers(EncodedBatch batch, Dropout? dropout);
}
