using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Prefix, head and optimiser against what the official P-tuning v2 models computed, file by file.</summary>
[TestClass]
public sealed class OfficialModelGoldenTests
{
    private const string Ending = ".config.json";

    private static readonly string Folder = Path.Combine(GoldenFiles.Root, "official");

    /// <summary>The files whose family and task there are.</summary>
    public static IEnumerable<object[]> Built => Names(name => WhatIsMissing(name) is null);

    /// <summary>All others.</summary>
    public static IEnumerable<object[]> NotBuilt => Names(name => WhatIsMissing(name) is not null);

    /// <summary>
    /// Neither sharding nor recomputing may change the result: the rows together, each on its own, and together without kept activations.
    /// </summary>
    public static IEnumerable<object[]> BuiltByRoad =>
        Built.SelectMany(name => new object[][] { [name[0], 1, false], [name[0], 3, false], [name[0], 1, true] });

    [TestMethod]
    [DynamicData(nameof(NotBuilt))]
    public void Is_compared_once_it_is_built(string name) =>
        Assert.Inconclusive(name == "none" ? $"All files in '{Folder}' are compared." : $"{name}: {WhatIsMissing(name)}");

    [TestMethod]
    [DynamicData(nameof(Built))]
    public void Prefix_has_the_official_order_and_values(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Open(name);
        using var current = model.Optimizer.Current();

        Numbers.AreClose(model.FirstPrefix, current[TrainedTensors.Prefix]);
    }

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Step_gives_the_official_logits(string name, int shards, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Open(name, shards, recompute: recompute);

        var logits = model.Optimizer.Step(model.Batch, learningRate: 0).Outputs;

        var expected = model.ExpectedLogits;
        for (var row = 0; row < logits.Count; row++)
            Numbers.AreClose(expected[row].flatten()[..logits[row].Length], tensor(logits[row]));
    }

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Step_gives_the_official_loss(string name, int shards, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Open(name, shards, recompute: recompute);

        var loss = model.Optimizer.Step(model.Batch, learningRate: 0).Loss;

        Numbers.AreClose(model.Expected("loss"), tensor(new[] { (float)loss }));
    }

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Step_gives_every_trained_tensor_the_official_gradient(string name, int shards, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Open(name, shards, maxGradientNorm: 0, recompute);

        model.Optimizer.Step(model.Batch, learningRate: 0);

        foreach (var (parameterName, parameter) in model.Trained)
        {
            var expected = model.Expected($"grad.{parameterName}");
            var absolute = HasNoGradient(name, parameterName) ? 1e-6 : 1e-5 * expected.abs().max().item<float>();
            Numbers.AreClose(expected, parameter.grad!, absolute, relative: 0);
        }
    }

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Five_steps_give_the_official_losses(string name, int shards, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Open(name, shards, recompute: recompute);

        var losses = Enumerable.Range(0, 5).Select(_ => (float)model.Optimizer.Step(model.Batch, OfficialModel.LearningRate).Loss).ToArray();

        Numbers.AreClose(model.Expected("losses"), tensor(losses));
    }

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Five_steps_give_every_trained_tensor_the_official_values(string name, int shards, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Open(name, shards, recompute: recompute);

        for (var step = 0; step < 5; step++)
            model.Optimizer.Step(model.Batch, OfficialModel.LearningRate);

        foreach (var (parameterName, parameter) in model.Trained.Where(t => !HasNoGradient(name, t.Name)))
            Numbers.AreClose(model.Expected($"after5.{parameterName}"), parameter, absolute: 5e-5, relative: 0);
    }

    private static IEnumerable<object[]> Names(Func<string, bool> isWanted)
    {
        var files = Directory.Exists(Folder) ? Directory.EnumerateFiles(Folder, "*" + Ending) : [];
        var names = files.Select(path => Path.GetFileName(path)[..^Ending.Length]).Where(isWanted).Order(StringComparer.Ordinal).ToArray();
        return names is [] ? [["none"]] : names.Select(name => new object[] { name });
    }

    /// <returns>What there must be before a file can be compared; null where it can.</returns>
    private static string? WhatIsMissing(string name)
    {
        using var configuration = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, name + Ending)));
        var family = configuration.RootElement.GetProperty("model_type").GetString()!;
        var task = TaskOf(name);
        return task is not ("sequence-classification" or "token-classification" or "question-answering" or "multiple-choice")
            ? $"task {task} is not built yet."
            : BackboneFamilies.Find(family) is null ? $"family {family} is not built yet."
            : null;
    }

    /// <summary>A number added to all that a softmax compares changes nothing: its exact gradient is 0, and Adam magnifies what rounding leaves of it.</summary>
    private static bool HasNoGradient(string name, string parameter) =>
        parameter == "qa_outputs.bias" || (TaskOf(name) == "multiple-choice" && parameter == "classifier.bias");

    private static string TaskOf(string name) => name.Split('.')[1];

    private static OfficialModel Open(string name, int shards = 1, double maxGradientNorm = 1, bool recompute = false)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return new OfficialModel(path, TaskOf(name), shards, maxGradientNorm, recompute);
    }
}
