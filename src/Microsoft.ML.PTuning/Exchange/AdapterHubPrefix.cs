using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>A prefix of AdapterHub's library adapters (before: adapter-transformers), with its head.</summary>
/// <remarks>
/// <c>adapter_config.json</c> has the method's settings under <c>config</c>. Tensors are named
/// <c>...prefix_tunings.NAME.self_prefix.</c>, then <c>wte.weight</c> <c>[P, H]</c>, <c>control_trans.0.*</c> and <c>control_trans.2.*</c> of a network, or
/// <c>control_trans</c> <c>[P · 2LH]</c> of a flat prefix. The order of the numbers is that of P-tuning v2. Positions of the text are not moved.
/// </remarks>
internal sealed class AdapterHubPrefix : ForeignModel
{
    private const string Configuration = "adapter_config.json", Place = ".prefix_tunings.", Gates = ".prefix_gates.";

    /// <summary>Other families compute attention in ways of their own, or share their layers.</summary>
    private static readonly string[] Families = ["bert", "roberta", "xlm-roberta", "electra", "distilbert"];

    private readonly ForeignTensors _tensors;
    private readonly AdapterHubHead _head;
    private readonly string _path;
    private readonly string? _encoder;
    private readonly string _activation;
    private readonly IReadOnlyList<int> _leftOut;

    private AdapterHubPrefix(string folder)
        : base(folder)
    {
        _path = Path.Combine(folder, Configuration);
        using var file = Open(_path);
        _encoder = file.Text("model_name");
        var method = file.Section("config")!;
        method.Word("architecture", ["prefix_tuning"]);
        method.RequireEmpty("use_gating", "gates that depend on the text scale the prefix");
        (_leftOut, _activation) = (method.Integers("leave_out"), method.Word("non_linearity", Activation.Names, fallback: "tanh"));
        file.ThrowIfFaulty();

        _tensors = ForeignTensors.Open(folder, "adapter.safetensors", "pytorch_adapter.bin");
        try
        {
            _head = AdapterHubHead.Open(folder);
        }
        catch
        {
            _tensors.Dispose();
            throw;
        }
    }

    public static ForeignFormat Format { get; } = new(
        "a prefix of AdapterHub", nameof(PTuningV2Transformer.ImportAdapterHub), IsIn, folder => new AdapterHubPrefix(folder));

    public override string Encoder => !string.IsNullOrWhiteSpace(_encoder) && !PlainPath.IsOnAnotherComputer(_encoder)
        ? _encoder
        : throw new InvalidDataException($"'{_path}' names no encoder as model_name that can be looked for. Name it, as Backbone of the options.");

    public override TaskForm? Form => _head.Form;

    public override IReadOnlyList<string>? Classes => _head.Classes;

    public override bool? IsMultiLabel => _head.IsMultiLabel;

    public override ForeignMethod ReadMethod(Backbone backbone, TaskForm form)
    {
        if (!Families.Contains(backbone.Configuration.ModelType))
            throw new InvalidDataException(
                $"Prefixes of AdapterHub over {backbone.Configuration.ModelType} are not supported. Supported are: {string.Join(", ", Families)}.");

        var layers = Enumerable.Range(0, backbone.Configuration.Layers).Except(_leftOut).ToArray();
        if (layers.Length == 0)
            throw new InvalidDataException($"'{_path}' leaves out all {backbone.Configuration.Layers} layers, so there is no prefix.");

        var root = FindRoot();
        var selected = layers.Length == backbone.Configuration.Layers ? LayerSelection.All : LayerSelection.Of(layers);
        var flat = $"{root}control_trans";
        DeepPrefix MethodOf(long length) => new() { PrefixLength = (int)length, PrefixLayers = selected, PositionOffset = PositionOffset.None };
        if (_tensors.Has(flat))
        {
            var width = MethodOf(1).ShapeFor(backbone).Width;
            var numbers = _tensors.Read(flat, -1);
            return numbers.numel() % width == 0
                ? new(MethodOf(numbers.numel() / width), new Dictionary<string, Tensor> { [TrainedTensors.Prefix] = numbers })
                : throw new InvalidDataException(
                    $"'{_tensors.Source}': tensor '{flat}' has {numbers.numel()} numbers, expected a multiple of {width} for this encoder. "
                    + "Name the encoder that it was trained on, as Backbone of the options.");
        }

        var method = MethodOf(_tensors.ShapeOf($"{root}wte.weight")[0]);
        return new(method, new Dictionary<string, Tensor> { [TrainedTensors.Prefix] = ReadNetwork(root, method.ShapeFor(backbone), backbone) });
    }

    public override ForeignHead ReadHead(Backbone backbone, TaskForm form, string encoderFolder) => _head.Read(backbone, form, encoderFolder);

    public override void RefuseUnread()
    {
        _tensors.RefuseUnread("Only prefixes of the encoder's own attention are imported.");
        _head.RefuseUnread();
    }

    public override void Dispose()
    {
        _tensors.Dispose();
        _head.Dispose();
    }

    private static bool IsIn(string folder)
    {
        var path = Path.Combine(folder, Configuration);
        if (!File.Exists(path))
            return false;
        using var file = Open(path);
        return file.Section("config") is not null && file.Has("name");
    }

    private static ConfigurationFile Open(string path) => ConfigurationFile.Open(path, "does not describe a prefix of AdapterHub that can be imported");

    /// <summary>What the names of the prefix's tensors begin with.</summary>
    private string FindRoot()
    {
        string[] roots = [.. _tensors.Names.Where(name => name.Contains(Place)).Select(RootOf).Distinct()];
        if (_tensors.Names.Any(name => name.Contains(Gates)))
            throw new InvalidDataException($"'{_tensors.Source}' holds gates ('{Gates}'), which scale the prefix by the text. They are not supported.");
        return roots is [var root]
            ? root
            : throw new InvalidDataException(
                $"'{_tensors.Source}' holds {roots.Length} prefixes ('{Place}NAME.self_prefix.'), expected one: {string.Join(", ", roots)}.");

        static string RootOf(string name)
        {
            var end = name.IndexOf("wte.", StringComparison.Ordinal) is >= 0 and var words ? words : name.IndexOf("control_trans", StringComparison.Ordinal);
            return end < 0 ? name : name[..end];
        }
    }

    private Tensor ReadNetwork(string root, PrefixShape shape, Backbone backbone)
    {
        var (first, second, hidden) = ($"{root}control_trans.0", $"{root}control_trans.2", backbone.Configuration.HiddenSize);
        var inner = _tensors.ShapeOf($"{first}.bias")[0];
        var (one, two) = (_tensors.ReadLinear(first, inner, hidden), _tensors.ReadLinear(second, shape.Width, inner));
        var vectors = _tensors.Read($"{root}wte.weight", shape.Length, hidden);
        return nn.functional.linear(Activation.Named(_activation)(nn.functional.linear(vectors, one.Weight, one.Bias)), two.Weight, two.Bias);
    }
}
