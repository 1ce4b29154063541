using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Runs one layer of an encoder over the batch it was opened for. The last layer ends with the encoder's final norm, where it has one.</summary>
/// <param name="layer">Which, from 0.</param>
/// <param name="hidden">The layer's input, <c>[B, T, H]</c>.</param>
/// <param name="sentenceTokenOnly">Whether only the state of the <see cref="Backbone.SentenceToken"/> is read; the other tokens then send no queries.</param>
/// <returns>The layer's output, <c>[B, T, H]</c>, or <c>[B, 1, H]</c>.</returns>
internal delegate Tensor LayerRun(int layer, Tensor hidden, bool sentenceTokenOnly);

/// <summary>The token whose state stands for the whole text.</summary>
internal enum SentenceToken
{
    /// <summary>[CLS], in an encoder where every token sees all tokens.</summary>
    First,

    /// <summary>The last token before padding: in a decoder, only this token sees all others.</summary>
    Last,
}

/// <summary>A frozen encoder: plain tensors and functions; training changes none of them.</summary>
/// <remarks>
/// Stateless after construction, so any number of threads may run it at once. A family defines what its attention sees, the positions of its tokens
/// and the token that represents a text; methods, heads and tasks do not depend on the family.
/// </remarks>
/// <param name="tensors">What the family declares; the backbone owns them from here on.</param>
internal abstract class Backbone(BackboneConfiguration configuration, FrozenTensors tensors) : IDisposable
{
    private bool _sharesTensors; // Another encoder owns them.

    public BackboneConfiguration Configuration { get; } = configuration;

    /// <summary>The encoder's own tensors, under the names that its family declares.</summary>
    public FrozenTensors Tensors { get; } = tensors;

    /// <summary>The line of the families' table that it is made by.</summary>
    public BackboneFamily OwnFamily => BackboneFamilies.Find(Configuration.ModelType)!;

    /// <summary>The vectors of the vocabulary's words, <c>[vocabulary, E]</c>.</summary>
    public Tensor WordEmbeddings => Tensors[OwnFamily.WordEmbeddings];

    /// <summary>The type of weights and hidden states.</summary>
    public ScalarType ElementType => Tensors.ElementType;

    /// <summary>How many numbers the encoder holds, without a language model's head.</summary>
    public long ParameterCount => Tensors.ElementCount;

    /// <summary>How many positions there are for prefix and tokens together.</summary>
    public abstract int MaxPositions { get; }

    /// <summary>Whether a prefix may take the first positions, so that the text begins behind it.</summary>
    public virtual bool PrefixTakesPositions => true;

    /// <summary>Whether what the decoder reads stands behind the text in one row of positions, not in a row of its own.</summary>
    public virtual bool DecoderFollowsText => true;

    /// <summary>How many positions a text and what the decoder reads take.</summary>
    public int CountPositions(int textTokens, int decoderTokens) =>
        DecoderFollowsText ? textTokens + decoderTokens : Math.Max(textTokens, decoderTokens);

    /// <summary>The longest text that leaves the decoder its positions, in tokens; below 1 for none.</summary>
    public int RoomForText(int decoderTokens) => DecoderFollowsText || decoderTokens > MaxPositions ? MaxPositions - decoderTokens : MaxPositions;

    /// <summary>Whether the checkpoint brought a pooler, the trained layer between the first token and a sentence classifier.</summary>
    public abstract bool HasPooler { get; }

    /// <summary>The head of the language model that the encoder was trained as; null unless it was asked for.</summary>
    public LanguageHead? LanguageHead { get; private set; }

    /// <summary>The token that sentence tasks read.</summary>
    public virtual SentenceToken SentenceToken => SentenceToken.First;

    /// <summary>Whether it can write: the state of each token that its decoder reads tells the next word.</summary>
    public bool Writes => OwnFamily.Writes;

    /// <summary>What the decoder reads first, by <c>config.json</c>; null where a written text's own first token does that.</summary>
    public virtual int? DecoderStart => null;

    /// <summary>Whether a written text that reaches its largest number of tokens is closed with the end of the text, by <c>config.json</c>.</summary>
    public virtual bool ForcesEnd => false;

    /// <summary>Whether the layers hand on one state per token of the text, so that they can be kept from one epoch to the next.</summary>
    public virtual bool HasStatePerToken => true;

    /// <summary>Whether positions are counted from the padding token's id.</summary>
    public virtual bool CountsFromPadToken => false;

    /// <summary>What follows the dense layer of a sentence pooler that is trained with a head, where the checkpoint brought none.</summary>
    public virtual Func<Tensor, Tensor> PoolerActivation { get; } = Activation.Named("tanh");

    /// <summary>Which of several stacks a layer belongs to, from 0: encoder, decoder, the decoder's attention to the encoder.</summary>
    public virtual int StackOf(int layer) => 0;

    /// <summary>The names of a layer's linear layers. Layers with the same names share their weights.</summary>
    public LinearNames LinearNames(int layer) => OwnFamily.Linear(Configuration, layer);

    /// <summary>Loads an encoder from a Hugging Face directory: <c>config.json</c> and weights (<see cref="CheckpointFiles"/>).</summary>
    /// <param name="device">Where it goes. On the CPU, weights that are stored in the precision asked for stay mapped to their files.</param>
    /// <param name="precision">The type that the weights get, whatever they are stored in.</param>
    /// <exception cref="FileNotFoundException">There is no configuration, or there are no weights.</exception>
    /// <exception cref="InvalidDataException">The files are damaged, of no supported family, or do not belong together; all that is wrong is named.</exception>
    /// <param name="withLanguageHead">Whether the head of the language model that it was trained as is read, too.</param>
    public static Backbone Load(
        string directory, Device device, BackbonePrecision precision = BackbonePrecision.Float32, bool withLanguageHead = false)
    {
        var configuration = BackboneConfiguration.Read(directory);
        var family = BackboneFamilies.Find(configuration.ModelType)!;

        using var checkpoint = CheckpointFiles.Find(directory).Open();
        var tensors = FrozenTensors.Load(checkpoint, family.Keys, family.Declare(configuration), device, precision.ElementType());
        try
        {
            var backbone = family.Create(configuration, tensors);
            if (withLanguageHead)
                backbone.LanguageHead = LoadLanguageHead(checkpoint, family, backbone);
            return backbone;
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>An encoder over the same tensors with the head of its language model.</summary>
    /// <param name="directory">The Hugging Face directory that this encoder was loaded from.</param>
    /// <returns>Disposing it frees the head only; this encoder must outlive it.</returns>
    /// <exception cref="InvalidDataException">The checkpoint holds no such head.</exception>
    public Backbone WithLanguageHead(string directory)
    {
        var family = OwnFamily;
        using var checkpoint = CheckpointFiles.Find(directory).Open();
        var head = LoadLanguageHead(checkpoint, family, this);
        var backbone = family.Create(Configuration, Tensors);
        (backbone.LanguageHead, backbone._sharesTensors) = (head, true);
        return backbone;
    }

    /// <summary>A batch with what the decoder reads for a task that states the text only; the batch itself in families that then need no decoder.</summary>
    /// <param name="perToken">Whether the task reads the state of every token of the text.</param>
    public virtual EncodedBatch AddDecoder(EncodedBatch batch, bool perToken) => batch;

    /// <summary>1 at a token whose key a layer's attention sees, 0 at padding, without the prefix; null where no row is padded.</summary>
    public virtual Tensor? KeyMask(int layer, EncodedBatch batch) => batch.ReadMask;

    /// <summary>The embeddings' output.</summary>
    /// <param name="positionOffset">What is added to each token's position: P where the prefix takes the first positions, else 0.</param>
    /// <returns>Hidden states, <c>[B, T, H]</c>; those of the tokens that the decoder reads follow, <c>[B, T + U, H]</c>.</returns>
    public abstract Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null);

    /// <summary>Prepares what all layers need for a batch, in the current dispose scope: masks, relative positions.</summary>
    public abstract LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout);

    /// <summary>Runs the layers from <paramref name="first"/> up to, not including, <paramref name="end"/>.</summary>
    /// <param name="hidden">The input of the first of them, <c>[B, T, H]</c>.</param>
    /// <param name="tuning">What a method changes; null for nothing.</param>
    /// <param name="sentenceTokenOnly">Whether the last layer outputs the <see cref="SentenceToken"/> only; the others then send no queries.</param>
    /// <returns>
    /// Hidden states, <c>[B, T, H]</c>; <c>[B, 1, H]</c> with <paramref name="sentenceTokenOnly"/>, unless there is no layer to run. Where a decoder
    /// reads tokens, the last layer gives their states only, <c>[B, U, H]</c>.
    /// </returns>
    public Tensor RunLayers(
        Tensor hidden, EncodedBatch batch, Tuning? tuning, int first, int end, Dropout? dropout = null, bool sentenceTokenOnly = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, end);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, Configuration.Layers);
        if (tuning?.Prefixes is { } prefixes && prefixes.Count != Configuration.Layers)
        {
            throw new ArgumentException(
                $"Expected a prefix, or null, for each of the {Configuration.Layers} layers, found {prefixes.Count}.", nameof(tuning));
        }

        if (first == end)
            return hidden;

        using var scope = NewDisposeScope();
        var run = InputPrompts.AddDeltas(OpenLayers(batch, tuning ?? Tuning.None, dropout), batch, tuning);
        var input = hidden;
        for (var i = first; i < end; i++)
        {
            if (i > first)
                batch.BetweenLayers?.Invoke();
            var output = run(i, input, sentenceTokenOnly && i == end - 1);
            if (!ReferenceEquals(input, hidden))
                input.Dispose();
            input = output;
        }

        return input.MoveToOuterDisposeScope();
    }

    /// <summary>The states of the <see cref="SentenceToken"/>.</summary>
    /// <param name="hidden">Hidden states, <c>[B, T, H]</c>, or those of the sentence token, <c>[B, 1, H]</c>.</param>
    /// <param name="mask">1 at a token, 0 at padding, Float32 <c>[B, T]</c>; null where no row is padded.</param>
    /// <returns><c>[B, H]</c>.</returns>
    public Tensor SentenceStates(Tensor hidden, Tensor? mask)
    {
        if (SentenceToken == SentenceToken.First || hidden.size(1) == 1)
            return hidden.select(1, 0);
        if (mask is null)
            return hidden.select(1, hidden.size(1) - 1);

        var last = mask.sum([1]).to(ScalarType.Int64).MinusOne();                                             // [B]
        return hidden.gather(1, last.view(-1, 1, 1).expand(-1, 1, hidden.size(2))).squeeze(1);
    }

    /// <summary>The states that tell the word at the rows' mask tokens, <c>[B, H]</c>.</summary>
    /// <param name="hidden">Hidden states, <c>[B, T, H]</c>; those of the decoder's tokens, <c>[B, U, H]</c>, where it reads some.</param>
    public virtual Tensor MaskStates(Tensor hidden, EncodedBatch batch) =>
        hidden.gather(1, batch.MaskPlaces!.view(-1, 1, 1).expand(-1, 1, hidden.size(2))).squeeze(1);

    /// <summary>The checkpoint's own pooler over the <see cref="SentenceToken"/>.</summary>
    /// <inheritdoc cref="SentenceStates"/>
    /// <returns>Sentence vectors, of the type of <paramref name="hidden"/>, <c>[B, H]</c>.</returns>
    /// <exception cref="InvalidOperationException">The checkpoint brought no pooler.</exception>
    public virtual Tensor Pool(Tensor hidden, Tensor? mask = null, Tuning? tuning = null) =>
        throw new InvalidOperationException($"This {Configuration.ModelType} checkpoint brought no pooler; train one with the head.");

    /// <summary>Embeddings and all layers.</summary>
    /// <returns>Hidden states, <c>[B, T, H]</c>.</returns>
    public Tensor Forward(EncodedBatch batch, Tuning? tuning = null, int positionOffset = 0, Dropout? dropout = null)
    {
        using var scope = NewDisposeScope();
        if (batch.DecoderIds is null)
            batch = AddDecoder(batch, perToken: true);
        var embedded = Embed(batch, positionOffset, tuning, dropout);
        return RunLayers(embedded, batch, tuning, 0, Configuration.Layers, dropout).MoveToOuterDisposeScope();
    }

    public virtual void Dispose()
    {
        LanguageHead?.Dispose();
        if (!_sharesTensors)
            Tensors.Dispose();
    }

    private static LanguageHead LoadLanguageHead(ICheckpoint checkpoint, BackboneFamily family, Backbone backbone)
    {
        if (family.LanguageHead is not { } names)
            throw new InvalidDataException(
                $"'{checkpoint.Source}': language models of the family {family.ModelType} are not supported. "
                + $"Supported are: {string.Join(", ", BackboneFamilies.All.Where(f => f.LanguageHead is not null).Select(f => f.ModelType))}.");

        try
        {
            return LanguageHead.Load(checkpoint, names, backbone.Configuration, backbone.WordEmbeddings);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"{e.Message} A Verbalizer reads the language model's head. Encoders such as the bundled mini-cased (BertForMaskedLM, BertForPreTraining) "
                + "have it; sentence encoders such as all-MiniLM-L6-v2 do not. Text is written by language models of the families "
                + $"{BackboneFamilies.Writing}.", e);
        }
    }

    /// <exception cref="ArgumentException">Prefix and tokens together need more positions than there are.</exception>
    protected void RequirePositions(EncodedBatch batch, int offset)
    {
        var tokens = CountPositions(batch.Length, batch.DecoderPast + batch.DecoderLength);
        if (offset + tokens > MaxPositions)
        {
            throw new ArgumentException(
                $"{offset} prefix positions and {tokens} tokens need {offset + tokens} positions, "
                + $"but this {Configuration.ModelType} backbone has {MaxPositions}. Shorten the prefix or the texts.", nameof(batch));
        }
    }
}
