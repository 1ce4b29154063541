using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Methods and tasks beside the official ones, against what other code computed with them.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class MethodGoldenTests
{
    private static readonly string Folder = Path.Combine(GoldenFiles.Root, "methods");

    /// <summary>The files whose method is built, by the task that they are trained for; neither sharding nor recomputing may change the result.</summary>
    public static IEnumerable<object[]> Files =>
    [
        ["bert.finetune.bitfit", "sequence-classification", 1, false],
        ["bert.finetune.bitfit", "sequence-classification", 3, false],
        ["bert.finetune.bitfit", "sequence-classification", 1, true],
        ["bert.prefix.multi-label", "multi-label-classification", 1, false],
        ["bert.prefix.multi-label", "multi-label-classification", 3, false],
        ["bert.prefix.multi-label", "multi-label-classification", 1, true],
        ["bert.pet.prefix", "pet", 1, false],
        ["bert.pet.prefix", "pet", 3, false],
        ["bert.pet.prefix", "pet", 1, true],
    ];

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Step_gives_the_logits_and_the_loss(string name, string task, int shards, bool recompute)
    {
        var run = Open(name, task);
        foreach (var what in (string[])["logits", "loss"])
            run.Exact[what].AreClose(run.Expected[what], run.Ours(shards, recompute)[what]);
    }

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Step_gives_every_trained_tensor_its_gradient(string name, string task, int shards, bool recompute) =>
        OfficialModelGoldenTests.CompareGradients(Open(name, task), shards, recompute);

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Five_steps_give_the_losses_and_the_values_of_every_trained_tensor(string name, string task, int shards, bool recompute)
    {
        var run = Open(name, task);
        run.Exact["losses"].AreClose(run.Expected["losses"], run.Ours(shards, recompute)["losses"]);
        OfficialModelGoldenTests.CompareAfter5(run, run.Ours(shards, recompute));
    }

    private static OfficialRun Open(string name, string task)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return OfficialRun.Of(path, task);
    }
}
