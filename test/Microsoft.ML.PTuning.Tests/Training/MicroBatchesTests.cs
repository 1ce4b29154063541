using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Steps whose shards are too long for a core to compute at once.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class MicroBatchesTests
{
    private const double LearningRate = 0.01;
    private const int Rows = 200, LongestRow = 12;

    /// <summary>The numbers of 200 rows, none of them above 1, added in F32 in another order.</summary>
    private const double Rounding = Rows / (double)(1 << 24);

    private static readonly TuningMethod Method = new DeepPrefix { PrefixLength = 3 };
    private static readonly PromptTask Sentence = Any.Classification(2), Tokens = Any.Tagging(2);

    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    [DataRow(true, true)]
    public void Step_in_micro_batches_is_that_of_shards_that_need_none(bool tagging, bool recomputes)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        var task = tagging ? Tokens : Sentence;
        using var inMicroBatches = TinyOptimizer.Of(task, backbone, Method, Settings(shards: 1) with { RecomputeActivations = recomputes });
        using var inShards = TinyOptimizer.Of(task, backbone, Method, Settings(shards: 8) with { RecomputeActivations = recomputes });

        for (var step = 0; step < 3; step++)
        {
            var expected = inShards.Step(Batch(tagging), LearningRate);
            var actual = inMicroBatches.Step(Batch(tagging), LearningRate);

            Assert.AreEqual(expected.Loss, actual.Loss, Rounding);
            Assert.AreEqual(Rows, actual.Outputs.Count);
            // Three layers pass it on, forwards and backwards, and the steps before add theirs.
            foreach (var (part, other) in expected.Outputs.Zip(actual.Outputs))
                Numbers.AreClose(tensor(part), tensor(other), absolute: Rounding, relative: 8 * Rounding);
            foreach (var (parameter, other) in inShards.Parameters.Zip(inMicroBatches.Parameters))
                Numbers.AreClose(parameter.grad!, other.grad!, absolute: Rounding, relative: 8 * Rounding);
        }
    }

    [TestMethod]
    [DataRow(1, 0)]
    [DataRow(2, 0)]
    [DataRow(2, 13)]
    public void Core_computes_no_more_at_once_than_keeps_it_busy(int shards, int padToLength)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        var rows = new ConcurrentBag<int>();
        using var backbone = new CountingBackbone(checkpoint.Load()) { BeforeBatch = rows.Add };
        using var optimizer = TinyOptimizer.Of(Sentence, backbone, Method, Settings(shards) with { PadToLength = padToLength });
        var row = padToLength == 0 ? Batch(tagging: false)[0] : Batch(tagging: false)[^1];
        var length = Math.Max(row.Length, padToLength);

        optimizer.Step([.. Enumerable.Repeat(row, Rows)], LearningRate);

        Assert.AreEqual(Rows, rows.Sum());
        Assert.IsGreaterThan(shards, rows.Count);
        Assert.IsLessThan(BatchPlanner.CoreBudget + length, rows.Max() * length);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Activations_of_one_micro_batch_at_a_time_are_alive(bool recomputes)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        var alive = new List<long>();
        using var backbone = new CountingBackbone(checkpoint.Load()) { BeforeBatch = _ => alive.Add(LiveTensors.Count) };
        using var optimizer = TinyOptimizer.Of(Sentence, backbone, Method, Settings(shards: 1) with { RecomputeActivations = recomputes });
        optimizer.Step(Batch(tagging: false), LearningRate);
        LiveTensors.CountSettled();
        alive.Clear();

        optimizer.Step(Batch(tagging: false), LearningRate);

        Assert.IsGreaterThan(2, alive.Count);
        const int kept = 2; // Outputs and loss.
        for (var i = 2; i < alive.Count; i++)
            Assert.IsLessThanOrEqualTo(kept, alive[i] - alive[i - 1], string.Join(' ', alive));
    }

    private static TrainingSettings Settings(int shards) => new() { LearningRate = LearningRate, BatchSize = Rows, MaxEpochs = 1, Shards = shards };

    /// <summary>Rows of 12 tokens down to 2, with a class each or one a token.</summary>
    private static ExamplePart[] Batch(bool tagging) => [.. Enumerable.Range(0, Rows).Select(row =>
    {
        int[] ids = [2, .. Enumerable.Range(0, (LongestRow - 2) * (Rows - row) / Rows).Select(i => 5 + (row + i) % 8), 3];
        return new ExamplePart([new(ids, new int[ids.Length])], tagging ? [.. ids.Select(id => id < 5 ? -1f : id % 2)] : [row % 2]);
    })];
}
