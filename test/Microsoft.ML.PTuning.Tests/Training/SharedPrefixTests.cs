using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Methods;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>A step of one of the tasks that share a prefix.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class SharedPrefixTests
{
    private TinyCheckpoint _checkpoint = null!;
    private PTuning.Backbones.Backbone _backbone = null!;
    private PromptOptimizer _optimizer = null!;

    [TestInitialize]
    public void MakeOptimizer()
    {
        _checkpoint = new TinyCheckpoint().Save();
        _backbone = _checkpoint.Load();
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var encoder = new DeepPrefix { PrefixLength = 2 }.Adapt(_backbone);
        var weight = Initializers.Normal(generator);
        LearnedTask Learned(PromptTask task, int outputs) => new(
            task, new(encoder, task.Head), new Dictionary<string, Tensor> { ["head.weight"] = weight(outputs, 8), ["head.bias"] = weight(outputs) });
        _optimizer = new PromptOptimizer(
            new() { LearningRate = 0.1, BatchSize = 2, MaxEpochs = 1, WeightDecay = 0.1 },
            new EmbeddedPrefix(encoder.PrefixShape(), weight), [Learned(Any.Classification(2), 2), Learned(Any.Regression, 1)], padId: 0, CPU);
    }

    [TestCleanup]
    public void DeleteEncoder()
    {
        _optimizer.Dispose();
        _backbone.Dispose();
        _checkpoint.Dispose();
    }

    [TestMethod]
    [DataRow(0, 1)]
    [DataRow(1, 0)]
    public void Step_changes_the_prefix_and_the_head_of_its_task_alone(int learned, int other)
    {
        _optimizer.Step([Any.Part(0), Any.Part(1)], learningRate: 0.1, other); // So that both heads have a gradient and moments.
        var (before, untouched) = (ValuesOf(learned), ValuesOf(other));

        _optimizer.Step([Any.Part(0), Any.Part(1)], learningRate: 0.1, learned);

        CollectionAssert.AreNotEqual(before["prefix"], ValuesOf(learned)["prefix"]);
        CollectionAssert.AreNotEqual(before["head.weight"], ValuesOf(learned)["head.weight"]);
        CollectionAssert.AreEqual(untouched["head.weight"], ValuesOf(other)["head.weight"]);
        CollectionAssert.AreEqual(untouched["head.bias"], ValuesOf(other)["head.bias"]);
    }

    private Dictionary<string, float[]> ValuesOf(int task)
    {
        using var current = _optimizer.Current(task);
        return current.ToDictionary(t => t.Key, t => t.Value.data<float>().ToArray());
    }
}
