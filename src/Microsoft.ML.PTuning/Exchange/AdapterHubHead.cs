using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The head beside an adapter of AdapterHub: <c>head_config.json</c> and <c>model_head.safetensors</c> or <c>pytorch_model_head.bin</c>.</summary>
/// <remarks>
/// A head of an <c>...AdapterModel</c> has settings under <c>config</c>, and tensors <c>heads.NAME.I.*</c>, where I counts dropout, linear layer and
/// activation from 0. A head of a model of transformers has no settings, and the tensors of that model.
/// </remarks>
internal sealed class AdapterHubHead : IDisposable
{
    private const string Configuration = "head_config.json";

    private static readonly Dictionary<string, TaskForm> Forms = new()
    {
        ["classification"] = TaskForm.Sentence,
        ["multilabel_classification"] = TaskForm.Sentence,
        ["tagging"] = TaskForm.Tokens,
        ["question_answering"] = TaskForm.Answers,
        ["multiple_choice"] = TaskForm.Choice,
    };

    private static readonly Dictionary<string, TaskForm> Models = new()
    {
        ["ForSequenceClassification"] = TaskForm.Sentence,
        ["ForTokenClassification"] = TaskForm.Tokens,
        ["ForQuestionAnswering"] = TaskForm.Answers,
    };

    private readonly ForeignTensors _tensors;
    private readonly string _path;

    private AdapterHubHead(ForeignTensors tensors, string path, ConfigurationFile file)
    {
        (_tensors, _path) = (tensors, path);
        if (file.Section("config") is { } settings)
            ReadSettings(settings, file);
        else
            ReadModel(file);
        file.ThrowIfFaulty();
    }

    public TaskForm Form { get; private set; }

    public bool IsMultiLabel { get; private set; }

    public IReadOnlyList<string>? Classes { get; private set; }

    /// <summary>The head's name; null for one of a model of transformers.</summary>
    private string? Name { get; set; }

    /// <summary>Linear layers, 1 or 2.</summary>
    private int Layers { get; set; } = 1;

    private bool UsesPooler { get; set; }

    private bool HasBias { get; set; } = true;

    /// <exception cref="FileNotFoundException">There is no head.</exception>
    /// <exception cref="InvalidDataException">It is none that can be imported.</exception>
    public static AdapterHubHead Open(string folder)
    {
        var path = Path.Combine(folder, Configuration);
        using var file = ConfigurationFile.Open(
            path, "does not describe a head of AdapterHub that can be imported",
            "An adapter alone gives no predictions: save it with its head (save_adapter, with_head=True).");
        var tensors = ForeignTensors.Open(folder, "model_head.safetensors", "pytorch_model_head.bin");
        try
        {
            return new AdapterHubHead(tensors, path, file);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    public ForeignHead Read(Backbone backbone, TaskForm form, string encoderFolder)
    {
        if (Name is null)
            return TransformersHead.Read(
                TransformersHead.NamesOf(form, backbone), backbone, new(_tensors, ""), () => ForeignTensors.OpenCheckpoint(encoderFolder));

        var hidden = backbone.Configuration.HiddenSize;
        if (form is TaskForm.Tokens or TaskForm.Answers)
            return ReadLast(1, hidden);
        if (Layers == 1)
            return backbone.HasPooler ? ReadLast(1, hidden) : throw new InvalidDataException(
                $"'{_path}' reads the encoder's pooler, but this {backbone.Configuration.ModelType} checkpoint has none. "
                + "Name the encoder that it was trained on, as Backbone of the options.");

        return ReadLast(4, hidden) with { Pooling = Pooling.Trained, Pooler = _tensors.ReadLinear($"heads.{Name}.1", hidden, hidden) };
    }

    /// <exception cref="InvalidDataException">Some tensors of the head were not read.</exception>
    public void RefuseUnread() => _tensors.RefuseUnread("The head in the file is another one than its head_config.json says.");

    public void Dispose() => _tensors.Dispose();

    private void ReadSettings(ConfigurationFile settings, ConfigurationFile file)
    {
        var kind = settings.Word("head_type", Forms.Keys);
        (Form, IsMultiLabel) = (Forms.GetValueOrDefault(kind), kind == "multilabel_classification");
        (Name, Classes) = (file.Text("name") ?? "", settings.Numbering("label2id"));
        (UsesPooler, HasBias) = (settings.Switch("use_pooler", fallback: false), settings.Switch("bias", fallback: true));
        var isPerToken = Form is TaskForm.Tokens or TaskForm.Answers;
        Layers = settings.Integer("layers", minimum: 1, fallback: isPerToken ? 1 : 2, maximum: isPerToken ? 1 : 2);
        if (isPerToken)
            return;

        if (Layers == 2)
            settings.Word("activation_function", ["tanh"]);
        if (UsesPooler != (Layers == 1))
            file.Fault($"layers is {Layers} and use_pooler {UsesPooler}, expected 2 layers over the first token, or 1 over the encoder's pooler");
    }

    private void ReadModel(ConfigurationFile file)
    {
        var model = file.Text("model_class") ?? "";
        if (Models.FirstOrDefault(pair => model.EndsWith(pair.Key, StringComparison.Ordinal)) is { Key: not null } found)
            Form = found.Value;
        else
            file.Fault($"model_class is {model}, expected one that ends with {string.Join(", ", Models.Keys)}");
        Classes = file.Numbering("label2id");
    }

    private ForeignHead ReadLast(int index, long hidden)
    {
        var module = $"heads.{Name}.{index}";
        if (HasBias)
        {
            var (weight, bias) = _tensors.ReadLinear(module, -1, hidden);
            return new(weight, bias);
        }
        var alone = _tensors.Read($"{module}.weight", -1, hidden);
        return new(alone, zeros(alone.size(0)));
    }
}
