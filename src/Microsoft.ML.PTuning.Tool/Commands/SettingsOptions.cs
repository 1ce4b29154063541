using System.CommandLine;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary>The options of a training.</summary>
internal sealed class SettingsOptions
{
    private readonly Option<string?> _backbone = new("--backbone") { Description = "The encoder: a folder or a hub id; else the one that comes with this tool", HelpName = "NAME" };
    private readonly Option<string?> _method = new("--method")
    {
        Description = $"How the encoder is adapted: {string.Join(", ", TrainingSettings.Methods.Keys)}; else p-tuning-v2",
        HelpName = "NAME",
    };
    private readonly Option<int?> _prefixLength = new("--prefix-length") { Description = "Prefix vectors per layer", HelpName = "N" };
    private readonly Option<Pooling?> _pooling = new("--pooling") { Description = "How a text becomes one vector; PEFT's models have Checkpoint", HelpName = "NAME" };
    private readonly Option<double?> _learningRate = new("--learning-rate") { Description = "Learning rate; 0 to find it by a range test", HelpName = "RATE" };
    private readonly Option<int?> _epochs = new("--epochs") { Description = "Passes over the rows; else by their number", HelpName = "N" };
    private readonly Option<int?> _batchSize = new("--batch-size") { Description = "Rows per step", HelpName = "N" };
    private readonly Option<int?> _maxLength = new("--max-length") { Description = "Tokens per row; longer texts are truncated", HelpName = "N" };
    private readonly Option<int?> _maxNewTokens = new("--max-new-tokens") { Description = "Tokens that are written at most; of longer labels the rest is cut off", HelpName = "N" };
    private readonly Option<int?> _beams = new("--beams") { Description = "Beginnings of a text that beam search keeps", HelpName = "N" };
    private readonly Option<int> _seed = new("--seed") { Description = "Seed of all random numbers", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<int?> _rescues = new("--rescues") { Description = "How often a training that goes wrong is taken back", HelpName = "N" };
    private readonly Option<string?> _checkpoints = new("--checkpoints") { Description = "A folder from which a stopped training goes on", HelpName = "FOLDER" };
    private readonly Option<int?> _gpu = new("--gpu") { Description = "The CUDA device to compute on, from 0; else the processor", HelpName = "N" };

    public SettingsOptions() => _method.AcceptOnlyFromAmong([.. TrainingSettings.Methods.Keys]);

    public void AddTo(IList<Option> options)
    {
        foreach (var option in (Option[])[
            _backbone, _method, _prefixLength, _pooling, _learningRate, _epochs, _batchSize, _maxLength, _maxNewTokens, _beams, _seed, _rescues, _checkpoints, _gpu])
            options.Add(option);
    }

    public TrainingSettings Read(ParseResult parsed) => new()
    {
        Backbone = parsed.GetValue(_backbone),
        Method = parsed.GetValue(_method),
        PrefixLength = parsed.GetValue(_prefixLength),
        Pooling = parsed.GetValue(_pooling),
        LearningRate = parsed.GetValue(_learningRate),
        Epochs = parsed.GetValue(_epochs),
        BatchSize = parsed.GetValue(_batchSize),
        MaxLength = parsed.GetValue(_maxLength),
        MaxNewTokens = parsed.GetValue(_maxNewTokens),
        Beams = parsed.GetValue(_beams),
        Seed = parsed.GetValue(_seed),
        MaxRescues = parsed.GetValue(_rescues),
        CheckpointDirectory = parsed.GetValue(_checkpoints),
        GpuDeviceId = parsed.GetValue(_gpu),
    };
}
