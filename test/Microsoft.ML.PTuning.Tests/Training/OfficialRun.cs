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

    /// <summary>Fails unless every gradient of a step is the file's but for rounding.</summary>
    public void CompareGradients(int shards, bool recompute)
    {
        CollectionAssert.IsSubsetOf(Expected.Keys.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)).ToArray(), Exact.Keys.ToArray());
        foreach (var (gradient, exact) in Named("grad."))
        {
            // Where the exact gradient is 0, terms of 1 at most cancel: a softmax's probabilities less the target.
            var absolute = exact.IsZero ? Rounding : 1e-5 * exact.Largest;
            exact.AreClose(Expected[gradient], Ours(shards, recompute)[gradient], absolute, relative: 0);
        }
    }

    /// <summary>
    /// Adam divides a gradient by its size, so rounding decides which way a parameter goes whose gradient is little else; it is compared no closer than
    /// it moves. Where the exact gradient is 0 nothing can be compared: in a whole tensor, or in that third of GLM's biases that belongs to the keys.
    /// </summary>
    public void CompareAfter5(IReadOnlyDictionary<string, double[]> ours)
    {
        foreach (var (values, exact) in Named("after5.").Where(pair => !Exact[pair.Key.Replace("after5.", "grad.")].IsZero))
        {
            var gradient = Exact[values.Replace("after5.", "grad.")];
            exact.AreClose(Expected[values], ours[values], absolute: 5e-5, relative: 0, eachByItself: true, isCompared: i => !gradient.IsRounding(i));
        }
    }

    /// <summary>Fails unless five steps give the file's losses and lead where they lead there, but for rounding.</summary>
    public void CompareFiveSteps(int shards, bool recompute)
    {
        Exact["losses"].AreClose(Expected["losses"], Ours(shards, recompute)["losses"]);
        CompareAfter5(Ours(shards, recompute));
    }

    /// <remarks>The file of P-tuning's few-shot code has the biases of its LSTM only, the weights being large.</remarks>
    private IEnumerable<KeyValuePair<string, ExactNumbers>> Named(string beginning) => Exact.Where(pair =>
        pair.Key.StartsWith(beginning, StringComparison.Ordinal)
        && (!pair.Key.StartsWith($"{beginning}lstm_head.", StringComparison.Ordinal) || Expected.ContainsKey(pair.Key)));

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
