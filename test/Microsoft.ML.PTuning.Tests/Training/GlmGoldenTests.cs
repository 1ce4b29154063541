using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>GLM and ChatGLM-6B, trained, against what their own code computed.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class GlmGoldenTests
{
    private static readonly (string Name, string Task)[] Trained =
    [
        ("glm/glm.prefix.blank-infilling", "blank-infilling"),
        ("glm/glm.prefix.sequence-classification", "sequence-classification"),
        ("glm/glm.prompt-spell.lstm", OfficialModel.FillingChoice),
        ("glm/glm.prompt-spell.mlp", OfficialModel.FillingChoice),
        ("glm/glm.prompt-spell.none", OfficialModel.FillingChoice),
        ("glm/glm.sequence-classification", "sequence-classification"),
        ("chatglm/chatglm.prefix", "causal-lm"),
    ];

    /// <summary>Those that go on for five steps. Neither sharding nor recomputing may change the result.</summary>
    public static IEnumerable<object[]> Steps =>
        from file in Trained
        from road in (IEnumerable<(int Shards, bool Recomputes)>)[(1, false), (2, false), (1, true)]
        select new object[] { file.Name, file.Task, road.Shards, road.Recomputes };

    /// <summary>Of the model without a method, every tensor's gradient is compared.</summary>
    public static IEnumerable<object[]> Files => Steps.Concat(
        from recomputes in (bool[])[false, true] select new object[] { "glm/glm.blank-infilling", "blank-infilling", 1, recomputes });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Step_gives_the_logits_and_the_loss(string name, string task, int shards, bool recompute)
    {
        var run = Open(name, task);
        foreach (var what in ((string[])["logits", "loss"]).Where(run.Exact.ContainsKey)) // Writing gives no logits; GlmBackboneTests compares them.
            run.Exact[what].AreClose(run.Expected[what], run.Ours(shards, recompute)[what]);
    }

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Step_gives_every_trained_tensor_its_gradient(string name, string task, int shards, bool recompute) =>
        Open(name, task).CompareGradients(shards, recompute);

    [TestMethod]
    [DynamicData(nameof(Steps))]
    public void Five_steps_give_the_losses_and_the_values_of_every_trained_tensor(string name, string task, int shards, bool recompute) =>
        Open(name, task).CompareFiveSteps(shards, recompute);

    [TestMethod]
    [DataRow("glm/glm.prompt-spell.lstm")]
    [DataRow("glm/glm.prompt-spell.mlp")]
    [DataRow("glm/glm.prompt-spell.none")]
    public void Networks_give_the_prompts(string name)
    {
        using var golden = new GoldenEncoder(PathOf(name), "init.", GoldenEncoder.IsOfTheEncoder);

        ExactNumbers.AreClose(golden, golden.Tensors["expect.prompts"].squeeze(0), weights =>
            OfficialMethod.Of(golden, weights, weights.Backbone).Parameters.Values()[PTuning.Methods.TrainedTensors.Prompt]);
    }

    [TestMethod]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void Every_file_is_compared(string folder)
    {
        if (!Directory.Exists(Path.Combine(GoldenFiles.Root, folder)))
            throw new AssertInconclusiveException($"There is no folder '{folder}'; PTUNING_GOLDEN names another folder of golden vectors.");
        string[] forward = ["glm/glm.blank-infilling", "glm/glm.cloze", "chatglm/chatglm.lm"];

        CollectionAssert.AreEquivalent(
            Directory.EnumerateFiles(Path.Combine(GoldenFiles.Root, folder), "*.safetensors")
                .Select(path => $"{folder}/{Path.GetFileNameWithoutExtension(path)}").ToArray(),
            Trained.Select(file => file.Name).Concat(forward).Where(name => name.StartsWith($"{folder}/", StringComparison.Ordinal)).ToArray());
    }

    private static OfficialRun Open(string name, string task) => OfficialRun.Of(PathOf(name), task);

    private static string PathOf(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, name);
        return File.Exists($"{path}.safetensors")
            ? path
            : throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
    }
}
