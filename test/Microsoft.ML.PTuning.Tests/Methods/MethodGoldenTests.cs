using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Methods and tasks beside the official ones, against what other code computed with them.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class MethodGoldenTests
{
    /// <summary>The files whose method is built, by the task that they are trained for; neither sharding nor recomputing may change the result.</summary>
    public static IEnumerable<object[]> Files => Steps.Concat(
        from recomputes in (bool[])[false, true] select new object[] { "methods/bert.pet.finetune", OfficialModel.Cloze, 1, recomputes });

    /// <summary>Those of them that go on for five steps.</summary>
    public static IEnumerable<object[]> Steps =>
        from file in (IEnumerable<(string Name, string Task)>)
        [
            ("methods/bert.finetune.bitfit", "sequence-classification"),
            ("methods/bert.finetune.full", "sequence-classification"),
            ("methods/bert.prefix.multi-label", "multi-label-classification"),
            ("methods/bert.p-tuning-v1.lama", OfficialModel.Vocabulary),
            ("methods/bert.p-tuning-v1.fewshot.lstm", OfficialModel.Cloze),
            ("methods/bert.p-tuning-v1.fewshot.mlp", OfficialModel.Cloze),
            ("methods/bert.pet.prefix", OfficialModel.Cloze),
            ("methods/bert.soft-prompt-mixture", OfficialModel.Vocabulary),
            ("methods/bert.soft-prompt-mixture.deep", OfficialModel.Vocabulary),
            ("peft/bert.lora", "sequence-classification"),
            ("peft/roberta.lora", "sequence-classification"),
            ("methods/bert.prompt-tuning.prepended", "sequence-classification"),
            ("methods/bert.prompt-tuning.prepended.pool-first", "sequence-classification"),
            ("methods/bert.prompt-tuning.after-cls", "sequence-classification"),
            ("methods/bert.prompt-tuning.official-shallow", "sequence-classification"),
        ]
        from road in (IEnumerable<(int Shards, bool Recomputes)>)[(1, false), (3, false), (1, true)]
        select new object[] { file.Name, file.Task, road.Shards, road.Recomputes };

    /// <summary>A file that is new, or that went missing, is noticed.</summary>
    [TestMethod]
    public void Every_file_of_the_folder_is_compared()
    {
        string[] here = [.. Files.Select(file => (string)file[0]).Where(file => file.StartsWith("methods/", StringComparison.Ordinal)).Distinct()];
        string[] elsewhere = ["methods/bert.autoprompt", "methods/bert.base"]; // AutoPromptTests, VerbalizerHeadTests; LanguageHeadTests.

        CollectionAssert.AreEquivalent(
            Directory.GetFiles(Path.Combine(GoldenFiles.Root, "methods"), "*.safetensors")
                .Select(file => $"methods/{Path.GetFileNameWithoutExtension(file)}").ToArray(),
            here.Concat(elsewhere).ToArray());
    }

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
        Open(name, task).CompareGradients(shards, recompute);

    [TestMethod]
    [DynamicData(nameof(Steps))]
    public void Five_steps_give_the_losses_and_the_values_of_every_trained_tensor(string name, string task, int shards, bool recompute) =>
        Open(name, task).CompareFiveSteps(shards, recompute);

    private static OfficialRun Open(string name, string task)
    {
        var path = Path.Combine(GoldenFiles.Root, name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return OfficialRun.Of(path, task);
    }
}
