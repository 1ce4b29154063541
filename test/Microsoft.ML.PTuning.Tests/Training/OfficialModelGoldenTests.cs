using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Prefix, head and optimiser against what the official P-tuning v2 models computed, file by file.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class OfficialModelGoldenTests
{
    private const string Ending = ".config.json";

    private static readonly string Folder = Path.Combine(GoldenFiles.Root, "official");

    /// <summary>The files whose family and task there are.</summary>
    public static IEnumerable<object[]> Built => Names(name => WhatIsMissing(name) is null);

    /// <summary>Those of them with a prefix in every layer.</summary>
    public static IEnumerable<object[]> WithPrefix => Names(name => WhatIsMissing(name) is null && !name.EndsWith("-shallow", StringComparison.Ordinal));

    /// <summary>
    /// Neither sharding nor recomputing may change the result: the rows together, each on its own, and together without kept activations.
    /// </summary>
    public static IEnumerable<object[]> BuiltByRoad =>
        Built.SelectMany(name => new object[][] { [name[0], 1, false], [name[0], 3, false], [name[0], 1, true] });

    [TestMethod]
    public void Every_file_is_compared() => CollectionAssert.AreEqual((string[])[], Files.Where(name => WhatIsMissing(name) is not null).ToArray());

    [TestMethod]
    [DynamicData(nameof(WithPrefix))]
    public void Prefix_has_the_official_order_and_values(string name) => Compare(name, 1, false, "prefix");

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Step_gives_the_official_logits(string name, int shards, bool recompute) => Compare(name, shards, recompute, "logits");

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Step_gives_the_official_loss(string name, int shards, bool recompute) => Compare(name, shards, recompute, "loss");

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Five_steps_give_the_official_losses(string name, int shards, bool recompute) => Compare(name, shards, recompute, "losses");

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Step_gives_every_trained_tensor_the_official_gradient(string name, int shards, bool recompute) =>
        Open(name).CompareGradients(shards, recompute);

    [TestMethod]
    [DynamicData(nameof(BuiltByRoad))]
    public void Five_steps_give_every_trained_tensor_the_official_values(string name, int shards, bool recompute)
    {
        var run = Open(name);

        run.CompareAfter5(run.Ours(shards, recompute));
    }

    /// <summary>The bounds are wide enough for rounding and no wider.</summary>
    [TestMethod]
    [DynamicData(nameof(Built))]
    public void Five_steps_that_are_longer_by_a_hundredth_are_out_of_bounds(string name)
    {
        var run = Open(name);
        var longer = run.Ours(learningRate: 1.01 * OfficialModel.LearningRate);

        Assert.ThrowsExactly<AssertFailedException>(() => run.CompareAfter5(longer));
    }

    private static void Compare(string name, int shards, bool recompute, string what)
    {
        var run = Open(name);
        run.Exact[what].AreClose(run.Expected[what], run.Ours(shards, recompute)[what]);
    }

    private static IEnumerable<string> Files => (Directory.Exists(Folder) ? Directory.EnumerateFiles(Folder, "*" + Ending) : [])
        .Select(path => Path.GetFileName(path)[..^Ending.Length]).Order(StringComparer.Ordinal);

    private static IEnumerable<object[]> Names(Func<string, bool> isWanted)
    {
        string[] names = [.. Files.Where(isWanted)];
        return names is [] ? [["none"]] : names.Select(name => new object[] { name });
    }

    /// <returns>What there must be before a file can be compared; null where it can.</returns>
    private static string? WhatIsMissing(string name)
    {
        using var configuration = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, name + Ending)));
        var family = configuration.RootElement.GetProperty("model_type").GetString()!;
        var task = TaskOf(name);
        return task is not ("sequence-classification" or "sequence-classification-shallow" or "token-classification" or "question-answering" or "multiple-choice")
            ? $"task {task} is not built yet."
            : BackboneFamilies.Find(family) is null ? $"family {family} is not built yet."
            : null;
    }

    private static string TaskOf(string name) => name.Split('.')[1];

    private static OfficialRun Open(string name)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return OfficialRun.Of(path, TaskOf(name));
    }
}
