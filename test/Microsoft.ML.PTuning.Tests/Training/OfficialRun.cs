using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>What an official model gives, number by number: its prefix, a step's logits, loss and gradients, the losses of five steps and where they lead.</summary>
/// <remarks>By the names of the golden file's <c>expect.*</c>; logits are those of real tokens, row after row. Every run is made once.</remarks>
internal sealed class OfficialRun
{
    private static readonly ConcurrentDictionary<string, Lazy<OfficialRun>> Runs = [];

    private readonly string _path, _kind;
    private readonly ConcurrentDictionary<(int, bool, double), Lazy<IReadOnlyDictionary<string, double[]>>> _ours = [];

    private OfficialRun(string path, string kind)
    {
        (_path, _kind) = (path, kind);
        using var golden = Open();
        Exact = ExactNumbers.Compute(golden, weights => Run(golden, weights));
        Expected = ReadExpected(golden);
        Rounding = WeightNoise.OfSum(golden.LongestSum);
    }

    /// <summary>What F64 gives.</summary>
    public IReadOnlyDictionary<string, ExactNumbers> Exact { get; }

    /// <summary>The share by which F32 may be off in the longest sum.</summary>
    public double Rounding { get; }

    /// <summary>What the file says.</summary>
    public IReadOnlyDictionary<string, double[]> Expected { get; }

    /// <param name="path">The golden file without <c>.safetensors</c>.</param>
    /// <param name="kind">Its task, as the file's name says it.</param>
    public static OfficialRun Of(string path, string kind) => Runs.GetOrAdd(path, _ => new(() => new OfficialRun(path, kind))).Value;

    /// <summary>What F32 gives.</summary>
    public IReadOnlyDictionary<string, double[]> Ours(int shards = 1, bool recompute = false, double learningRate = OfficialModel.LearningRate) =>
        _ours.GetOrAdd((shards, recompute, learningRate), _ => new(() =>
        {
            using var golden = Open();
            using var weights = golden.InF32();
            return ExactNumbers.OnOneCore(() => Run(golden, weights, shards, recompute, learningRate));
        })).Value;

    private GoldenEncoder Open() =>
        Path.GetFileName(Path.GetDirectoryName(_path)) == "peft" ? GoldenEncoder.OfPeft(_path) : new(_path, "init.", GoldenEncoder.IsOfTheEncoder);

    private Dictionary<string, double[]> Run(
        GoldenEncoder golden, GoldenWeights weights, int shards = 1, bool recompute = false, double learningRate = OfficialModel.LearningRate)
    {
        var numbers = new Dictionary<string, double[]>();
        using (var model = new OfficialModel(golden, weights, _kind, shards, maxGradientNorm: 0, recompute))
        {
            using var current = model.Optimizer.Current();
            if (current.Contains(TrainedTensors.Prefix))
                numbers["prefix"] = ExactNumbers.Read(current[TrainedTensors.Prefix]);
            var step = model.Optimizer.Step(model.Batch, learningRate: 0);
            if (!OfficialModel.Writes(_kind)) // A language model's head keeps the probability of the right token only.
                numbers["logits"] = [.. step.Outputs.SelectMany(row => row.Select(logit => (double)logit))];
            numbers["loss"] = [step.Loss];
            foreach (var (name, parameter) in model.Trained)
                if (parameter.grad is { } gradient) // A pattern's head reads no pooler.
                    numbers[$"grad.{name}"] = ExactNumbers.Read(gradient);
        }
        using (var model = new OfficialModel(golden, weights, _kind, shards, recompute: recompute))
        {
            numbers["losses"] = [.. Enumerable.Range(0, 5).Select(_ => model.Optimizer.Step(model.Batch, learningRate).Loss)];
            foreach (var (name, parameter) in model.Trained)
                numbers[$"after5.{name}"] = ExactNumbers.Read(parameter);
        }
        return numbers;
    }

    private Dictionary<string, double[]> ReadExpected(GoldenEncoder golden)
    {
        using var scope = NewDisposeScope();
        using var weights = golden.InF64();
        using var model = new OfficialModel(golden, weights, _kind);
        var expected = golden.Tensors.Where(pair => pair.Key.StartsWith("expect.", StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key["expect.".Length..], pair => ExactNumbers.Read(pair.Value));
        if (model.FirstPrefix is { } prefix)
            expected["prefix"] = ExactNumbers.Read(prefix);
        if (OfficialModel.Writes(_kind))
            return expected;

        var logits = golden.Tensors.GetValueOrDefault("expect.log_probs") ?? golden.Tensors.GetValueOrDefault(_kind == OfficialModel.Vocabulary ? "expect.mask_logits" : "expect.logits")
            ?? stack([golden.Tensors["expect.start_logits"], golden.Tensors["expect.end_logits"]], 2);
        expected["logits"] = [.. model.Batch.SelectMany((part, row) =>      // [B, K], or those of tokens, padding included, [B, T, K].
            ExactNumbers.Read(logits.dim() < 3 ? logits[row] : logits[row].narrow(0, 0, part.Length)))];
        return expected;
    }
}
