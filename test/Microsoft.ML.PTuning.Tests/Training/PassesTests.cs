using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Batching;
using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Steps whose shards are too long for a core to compute at once.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PassesTests
{
    private const double LearningRate = 0.01;
    private const int Rows = 200, LongestRow = 12;

    private static readonly PromptMethod Method = new() { PrefixLength = 3 };
    private static readonly PromptTask Sentence = Any.Classification(2), Tokens = Any.Tagging(2);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Step_in_passes_is_that_of_shards_that_need_none(bool tagging)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        var task = tagging ? Tokens : Sentence;
        using var inPasses = TinyOptimizer.Of(task, backbone, Method, Settings(shards: 1));
        using var inShards = TinyOptimizer.Of(task, backbone, Method, Settings(shards: 8));

        for (var step = 0; step < 3; step++)
        {
            var expected = inShards.Step(Batch(tagging), LearningRate);
            var actual = inPasses.Step(Batch(tagging), LearningRate);

            Assert.AreEqual(expected.Loss, actual.Loss, 1e-5);
            Assert.AreEqual(Rows, actual.Outputs.Count);
            foreach (var (part, other) in expected.Outputs.Zip(actual.Outputs))
                Numbers.AreClose(tensor(part), tensor(other), absolute: 1e-5, relative: 1e-4);
            foreach (var (parameter, other) in inShards.Parameters.Zip(inPasses.Parameters))
                Numbers.AreClose(parameter.grad!, other.grad!, absolute: 1e-5, relative: 1e-4);
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Core_computes_no_more_at_once_than_keeps_it_busy(int shards)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        var rows = new ConcurrentBag<int>();
        using var backbone = new CountingBackbone(checkpoint.Load()) { BeforeBatch = rows.Add };
        using var optimizer = TinyOptimizer.Of(Sentence, backbone, Method, Settings(shards));
        ExamplePart[] batch = [.. Enumerable.Repeat(Batch(tagging: false)[0], Rows)];

        optimizer.Step(batch, LearningRate);

        Assert.AreEqual(Rows, rows.Sum());
        Assert.IsGreaterThan(shards, rows.Count);
        Assert.IsLessThan(BatchPlanner.CoreBudget + LongestRow, rows.Max() * LongestRow);
    }

    private static TrainingSettings Settings(int shards) => new() { LearningRate = LearningRate, BatchSize = Rows, MaxEpochs = 1, Shards = shards };

    /// <summary>Rows of 12 tokens down to 3, with a class each or one a token.</summary>
    private static ExamplePart[] Batch(bool tagging) => [.. Enumerable.Range(0, Rows).Select(row =>
    {
        int[] ids = [2, .. Enumerable.Range(0, (LongestRow - 2) * (Rows - row) / Rows).Select(i => 5 + (row + i) % 8), 3];
        return new ExamplePart([new(ids, new int[ids.Length])], tagging ? [.. ids.Select(id => id < 5 ? -1f : id % 2)] : [row % 2]);
    })];
}
