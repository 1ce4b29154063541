using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Exchange;

namespace Microsoft.ML.PTuning.Tests.Tool;

[TestClass]
public sealed class ToolExchangeTests
{
    private readonly TemporaryDirectory _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Adapter_is_imported_measured_predicted_and_exported_with_the_same_tensors()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        var (model, data) = (_folder.File("model.zip"), _folder.File("rows.csv"));
        File.WriteAllText(data, "Text,Label\nw9 w10 w11,a\nw50 w40,C\n");

        var imported = ToolRun.Of(
            "import", "peft", adapter.Path, "--task", "classification", "--backbone", encoder.Path, "--classes", "a", "b", "c", "--max-length", "24", "--output", model,
            "--json").Succeeded().Json;
        var measured = ToolRun.Of("evaluate", model, data, "--json").Succeeded().Json;
        var predicted = ToolRun.WithInput("Text\nw9 w10 w11\n", "predict", model).Succeeded().Output;
        ToolRun.Of("export", model, _folder.File("adapter")).Succeeded();

        Assert.AreEqual("p-tuning-v2", imported.GetProperty("method").GetString());
        Assert.AreEqual(2, measured.GetProperty("rows").GetInt32());
        StringAssert.StartsWith(predicted, "Text,PredictedLabel,Score.a,Score.b,Score.c\n");
        CollectionAssert.AreEqual(
            File.ReadAllBytes(Path.Combine(adapter.Path, "adapter_model.safetensors")), File.ReadAllBytes(_folder.File("adapter/adapter_model.safetensors")));
    }

    [TestMethod]
    public void Folder_without_an_adapter_is_refused()
    {
        var run = ToolRun.Of("import", "peft", _folder.Path, "--output", _folder.File("model.zip"));

        Assert.AreEqual(1, run.Code);
        Assert.IsFalse(File.Exists(_folder.File("model.zip")));
    }
}
