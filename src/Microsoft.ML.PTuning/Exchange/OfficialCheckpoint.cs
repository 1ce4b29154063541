using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>A whole model of the official code (THUDM/P-tuning-v2): the encoder, <c>prefix_encoder.*</c> and a head, in one checkpoint.</summary>
/// <remarks>
/// The prefix is <c>prefix_encoder.embedding.weight</c>, <c>[P, 2LH]</c>; where it was projected, that is <c>[P, H]</c>, and the network is
/// <c>prefix_encoder.trans</c>. Models with prompts in the input only have <c>prefix_encoder.weight</c>, <c>[P, H]</c>.
/// </remarks>
internal sealed class OfficialCheckpoint : ForeignModel
{
    private const string Embedding = "prefix_encoder.embedding.weight", First = "prefix_encoder.trans.0", Second = "prefix_encoder.trans.2";

    private const string Shallow = "prefix_encoder.weight";

    private const string Pooler = "pooler.dense";

    private static readonly (string Ending, TaskForm Form)[] Forms =
    [
        ("ForSequenceClassification", TaskForm.Sentence),
        ("ForTokenClassification", TaskForm.Tokens),
        ("ForQuestionAnswering", TaskForm.Answers),
        ("ForMultipleChoice", TaskForm.Choice),
    ];

    private readonly ForeignTensors _tensors;
    private readonly TransformersConfig _configuration;

    private OfficialCheckpoint(string folder)
        : base(folder)
    {
        _configuration = TransformersConfig.Read(folder);
        _tensors = ForeignTensors.OpenCheckpoint(folder);
        Form = FindForm();
    }

    public static ForeignFormat Format { get; } = new(
        "a checkpoint of the official code of P-tuning v2", nameof(PTuningV2Transformer.ImportOfficialCheckpoint), IsIn,
        folder => new OfficialCheckpoint(folder));

    /// <summary>Its own folder.</summary>
    public override string Encoder => Folder;

    public override TaskForm? Form { get; }

    public override IReadOnlyList<string>? Classes => _configuration.Classes;

    public override bool? IsMultiLabel => _configuration.IsMultiLabel;

    public override ForeignMethod ReadMethod(Backbone backbone, TaskForm form)
    {
        if (_tensors.Has(Shallow))
        {
            var prompt = _tensors.Read(Shallow, -1, backbone.Configuration.EmbeddingSize);
            return new(
                new PromptTuning { Length = (int)prompt.size(0), EmbedsTwice = true }, new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = prompt });
        }

        var method = new DeepPrefix { PrefixLength = (int)_tensors.ShapeOf(Embedding)[0], PositionOffset = PositionOffset.Prefix };
        return new(method, new Dictionary<string, Tensor> { [TrainedTensors.Prefix] = ReadPrefix(method.ShapeFor(backbone), backbone) });
    }

    public override ForeignHead ReadHead(Backbone backbone, TaskForm form, string encoderFolder)
    {
        var hidden = backbone.Configuration.HiddenSize;
        var (weight, bias) = _tensors.ReadLinear(form == TaskForm.Answers ? TransformersHead.Answers : TransformersHead.Tags, -1, hidden);
        var head = new ForeignHead(weight, bias);
        if (form is TaskForm.Tokens or TaskForm.Answers)
            return head;

        if (FindPooler(backbone) is not { } pooler)
            throw new InvalidDataException($"'{_tensors.Source}' holds no '{Pooler}.weight', which a head for texts reads. Give the options of its task.");
        var trained = _tensors.ReadLinear(pooler, hidden, hidden);
        var isEncoders = backbone.HasPooler
            && IsSame(trained.Weight, backbone.Tensors[$"{Pooler}.weight"]) && IsSame(trained.Bias, backbone.Tensors[$"{Pooler}.bias"]);
        return isEncoders ? head : head with { Pooling = Pooling.Trained, Pooler = trained };
    }

    /// <summary>Compares the encoder that the caller named with the checkpoint's own.</summary>
    public override void CheckEncoder(Backbone backbone, string encoderFolder)
    {
        if (Path.GetFullPath(encoderFolder) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder)))
            return;

        using var own = Backbone.Load(Folder, CPU);
        string[] others = [.. own.Tensors.Names.Where(name => !name.StartsWith(Pooler, StringComparison.Ordinal))
            .Where(name => !backbone.Tensors.Has(name) || !IsSame(own.Tensors[name], backbone.Tensors[name]))];
        if (others.Length > 0)
            throw new InvalidDataException(
                $"'{encoderFolder}' is not the encoder in '{Folder}': {others.Length} tensors differ, the first is '{others[0]}'. "
                + "Name the checkpoint that the model was trained on, or leave Backbone out to use the encoder in the model's own folder.");
    }

    /// <summary>The encoder's loading has refused what is unknown.</summary>
    public override void RefuseUnread()
    {
    }

    public override void Dispose() => _tensors.Dispose();

    private static bool IsIn(string folder)
    {
        if (!File.Exists(Path.Combine(folder, BackboneConfiguration.FileName)) || Checkpoints.CheckpointFiles.TryFind(folder) is null)
            return false;
        using var tensors = ForeignTensors.OpenCheckpoint(folder);
        return tensors.Has(Embedding) || tensors.Has(Shallow);
    }

    // The code that made a checkpoint names its class; a checkpoint with a pooler is not for tags, for which the official models have none.
    private TaskForm? FindForm()
    {
        foreach (var (ending, form) in Forms)
            if (_configuration.Architecture?.EndsWith(ending, StringComparison.Ordinal) == true)
                return form;
        if (_tensors.Has($"{TransformersHead.Answers}.weight"))
            return TaskForm.Answers;
        if (!_tensors.Has($"{TransformersHead.Tags}.weight"))
            return null;
        if (!_tensors.Names.Any(name => name.EndsWith($"{Pooler}.weight", StringComparison.Ordinal)))
            return TaskForm.Tokens;
        return _tensors.ShapeOf($"{TransformersHead.Tags}.weight")[0] == 1 ? null : TaskForm.Sentence; // One output: a number, or the score of a choice.
    }

    private string? FindPooler(Backbone backbone)
    {
        var prefix = backbone.OwnFamily.Keys.Prefix;
        return ((string[])[prefix + Pooler, Pooler]).FirstOrDefault(name => _tensors.Has($"{name}.weight"));
    }

    private Tensor ReadPrefix(PrefixShape shape, Backbone backbone)
    {
        if (!_tensors.Has($"{First}.weight"))
            return _tensors.Read(Embedding, shape.Length, shape.Width);

        var (hidden, inner) = (backbone.Configuration.HiddenSize, _tensors.ShapeOf($"{First}.bias")[0]);
        var (first, second) = (_tensors.ReadLinear(First, inner, hidden), _tensors.ReadLinear(Second, shape.Width, inner));
        var embedding = _tensors.Read(Embedding, shape.Length, hidden);
        return nn.functional.linear(nn.functional.linear(embedding, first.Weight, first.Bias).tanh(), second.Weight, second.Bias);
    }

    private static bool IsSame(Tensor file, Tensor encoder)
    {
        using var scope = NewDisposeScope();
        return file.shape.SequenceEqual(encoder.shape) && file.to(encoder.dtype).to(encoder.device).equal(encoder).all().item<bool>();
    }
}
