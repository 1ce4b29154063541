using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>An adapter of PEFT 0.3.0 or later: <c>adapter_config.json</c>, and <c>adapter_model.safetensors</c> or <c>adapter_model.bin</c>.</summary>
/// <remarks>
/// Prompts are saved as <c>prompt_embeddings</c>, after the network that made them. Of PREFIX_TUNING they are <c>[P, 2LH]</c>, as here. A head is saved
/// as <c>base_model.classifier.*</c>; of LoRA <c>base_model.model.</c> comes first.
/// </remarks>
internal sealed class PeftAdapter : ForeignModel
{
    private readonly PeftConfiguration _configuration;
    private readonly ForeignTensors _tensors;

    private PeftAdapter(string folder)
        : base(folder)
    {
        _configuration = PeftConfiguration.Read(folder);
        _tensors = ForeignTensors.Open(folder, PeftNames.Weights, PeftNames.TorchWeights);
    }

    public static ForeignFormat Format { get; } = new(
        "an adapter of PEFT", nameof(PTuningV2Transformer.ImportPeft), PeftConfiguration.IsIn, folder => new PeftAdapter(folder));

    public override string Encoder => _configuration.Encoder;

    public override TaskForm? Form => _configuration.Form;

    public override bool MayWrite => true;

    public override bool ChangesWeights => _configuration.Kind == PeftKind.LowRank;

    private string Prefix => _configuration.Kind == PeftKind.LowRank ? PeftNames.LowRankPrefix : PeftNames.PromptPrefix;

    public override ForeignMethod ReadMethod(Backbone backbone, TaskForm form)
    {
        if (form == TaskForm.Writing)
            CheckLanguageModel(backbone);
        return _configuration.Kind switch
        {
            PeftKind.Prefix => ReadPrefix(backbone),
            PeftKind.LowRank => ReadLowRank(backbone),
            _ => ReadPrompt(backbone, form),
        };
    }

    public override ForeignHead? ReadHead(Backbone backbone, TaskForm form, string encoderFolder) => form == TaskForm.Writing
        ? null
        : TransformersHead.Read(
            TransformersHead.NamesOf(form, backbone), backbone, new(_tensors, Prefix), () => ForeignTensors.OpenCheckpoint(encoderFolder));

    public override void RefuseUnread() => _tensors.RefuseUnread(
        "Without them its scores would be others. Train the adapter without what they belong to (more modules_to_save, biases, DoRA).");

    public override void Dispose() => _tensors.Dispose();

    private void CheckLanguageModel(Backbone backbone)
    {
        var family = backbone.Configuration.ModelType;
        var expected = PeftNames.TextTaskOf(backbone)
            ?? throw new InvalidDataException($"'{Folder}' is an adapter of a language model, and those of the family {family} are not imported.");
        if (_configuration.TaskType is { } type && type != expected)
            throw new InvalidDataException(
                $"'{Folder}' has the task_type {type}, but the language models of {family} are for {expected}. "
                + "Name the one that it was trained on, as Backbone of the options.");
        if (expected == PeftNames.TextToText && _configuration.Kind != PeftKind.LowRank)
            throw new InvalidDataException($"'{Folder}' has prompts for {family}, expected {PeftNames.LowRank}: {PeftConfiguration.NoTextToTextPrompts}.");
    }

    private ForeignMethod ReadPrefix(Backbone backbone)
    {
        var length = LengthOf(PeftNames.Prompts);
        var method = new DeepPrefix { PrefixLength = length, PositionOffset = PositionOffset.Prefix };
        var prefix = _tensors.Read(PeftNames.Prompts, length, method.ShapeFor(backbone).Width);
        return new(method, new Dictionary<string, Tensor> { [TrainedTensors.Prefix] = prefix });
    }

    /// <remarks>transformers' sentence classifiers read the first of all states, that of the first vector.</remarks>
    private ForeignMethod ReadPrompt(Backbone backbone, TaskForm form)
    {
        var length = LengthOf(PeftNames.Prompts);
        var readsPrompt = form == TaskForm.Sentence;
        InputPromptMethod method = _configuration.Kind == PeftKind.Prompt
            ? new PromptTuning { Length = length, ReadsPrompt = readsPrompt }
            : new PTuningV1
            {
                Length = length,
                ReadsPrompt = readsPrompt,
                Network = _configuration.Network,
                LstmSize = _configuration.Network == PromptNetworkKind.Lstm ? _configuration.NetworkSize : 0,
            };
        var prompt = _tensors.Read(PeftNames.Prompts, length, backbone.Configuration.EmbeddingSize);
        return new(method, new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = prompt });
    }

    /// <remarks>Layers that the adapter does not change among those that the method changes get zeros: they stay as they are.</remarks>
    private ForeignMethod ReadLowRank(Backbone backbone)
    {
        var prefix = Prefix + backbone.OwnFamily.Keys.Prefix;
        var modules = _tensors.Names
            .Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(PeftNames.LowRankA, StringComparison.Ordinal))
            .Select(name => name[prefix.Length..^PeftNames.LowRankA.Length]).ToHashSet();
        var method = LowRankAdaptation.Of(backbone, modules, _configuration.Rank, _configuration.Alpha)
            ?? throw new InvalidDataException(
                $"'{_tensors.Source}' changes no linear layer of this {backbone.Configuration.ModelType} encoder: no tensor is named as "
                + $"'{prefix}{backbone.LinearNames(0).Query}{PeftNames.LowRankA}'. Name the encoder that it was trained on, as Backbone of the options.");
        if (method.FindMisfit(backbone, maxLength: 1) is { } misfit) // Before numbers are made for its rank.
            throw new InvalidDataException($"'{_tensors.Source}' does not fit the encoder: {misfit}");

        return new(method, method.Declare(backbone).ToDictionary(tensor => tensor.Name, tensor =>
        {
            var name = prefix + tensor.Name[TrainedTensors.OfBackbone("").Length..];
            return modules.Contains(ModuleOf(tensor.Name)) ? _tensors.Read(name, tensor.Shape) : zeros(tensor.Shape);
        }));
    }

    private static string ModuleOf(string name) => name[TrainedTensors.OfBackbone("").Length..^PeftNames.LowRankA.Length]; // As long as that of B.

    private int LengthOf(string prompts)
    {
        var shape = _tensors.ShapeOf(prompts);
        return shape.Length == 2 && shape[0] == _configuration.PromptLength
            ? _configuration.PromptLength
            : throw new InvalidDataException(
                $"'{_tensors.Source}': tensor '{prompts}' has the shape [{string.Join(", ", shape)}], expected num_virtual_tokens "
                + $"{_configuration.PromptLength} rows. Files of two adapters were mixed up.");
    }
}
