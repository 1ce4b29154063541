using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>Whole models of the official code of P-tuning v2, against the logits that it computed.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class OfficialCheckpointTests
{
    private const string Ending = ".config.json";

    private static readonly string s_folder = Path.Combine(GoldenFiles.Root, "official");

    public static IEnumerable<object[]> Files =>
        from path in Directory.GetFiles(s_folder, "*" + Ending).Order()
        select new object[] { Path.GetFileName(path)[..^Ending.Length] };

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Import_gives_the_logits(string name)
    {
        using var golden = Open(name);
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path, OptionsOf(name));
        ImportedScores.AreClose(golden.Tensors, model);
    }

    [TestMethod]
    [DataRow("bert.sequence-classification")]
    [DataRow("roberta.sequence-classification.projection")]
    [DataRow("bert.token-classification")]
    public void Task_without_options_is_told_from_the_tensors(string name)
    {
        using var golden = Open(name);
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path);
        Assert.AreEqual(OptionsOf(name).ToTask().GetType(), model.Model.Task.GetType());
    }

    [TestMethod]
    public void Checkpoint_without_a_head_does_not_write()
    {
        using var golden = Open("bert.sequence-classification");
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer().Bend("config.json", settings => settings.Remove("architectures"));
        folder.Write("model.safetensors", folder.Read("model.safetensors").Where(pair => !pair.Key.StartsWith("classifier", StringComparison.Ordinal)));
        var refused = Assert.ThrowsExactly<InvalidDataException>(() =>
            PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path, new PTuningV2Trainer.TextGenerationOptions()));
        StringAssert.Contains(refused.Message, "holds no language model that writes, which TextGenerationOptions are for");
    }

    [TestMethod]
    public void Checkpoint_of_torch_is_read()
    {
        using var golden = Open("roberta.question-answering");
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        TorchWriter.Write(folder.File("pytorch_model.bin"), folder.Read("model.safetensors").Select(pair => (pair.Key, pair.Value)));
        folder.Delete("model.safetensors");
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path, OptionsOf("roberta.question-answering"));
        ImportedScores.AreClose(golden.Tensors, model);
    }

    /// <summary>RoBERTa's pooler is random in the official models, so it comes from the file where the named encoder has none.</summary>
    [TestMethod]
    [DataRow("bert.sequence-classification", true)]
    [DataRow("roberta.sequence-classification", true)]
    [DataRow("roberta.sequence-classification", false)]
    [DataRow("deberta.sequence-classification", false)]
    public void Encoder_may_be_named_and_is_shared_then(string name, bool withPooler)
    {
        using var golden = Open(name);
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var encoder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        encoder.Write("model.safetensors", folder.Read("model.safetensors")
            .Where(pair => GoldenEncoder.IsOfTheEncoder(pair.Key) && (withPooler || !pair.Key.Contains("pooler"))));
        var options = OptionsOf(name);
        options.Backbone = encoder.Path;
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path, options);

        Assert.AreEqual(encoder.Path, model.Backbone.Directory);
        ImportedScores.AreClose(golden.Tensors, model);
    }

    [TestMethod]
    public void Another_encoder_is_refused()
    {
        using var golden = Open("bert.sequence-classification");
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var encoder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        var weights = encoder.Read("model.safetensors");
        weights["bert.encoder.layer.1.output.dense.bias"].add_(1e-3);
        encoder.Write("model.safetensors", weights);
        var options = OptionsOf("bert.sequence-classification");
        options.Backbone = encoder.Path;
        var refused = Assert.ThrowsExactly<InvalidDataException>(
            () => PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path, options));
        StringAssert.Contains(refused.Message, "1 tensors differ, the first is 'encoder.layer.1.output.dense.bias'");
    }

    /// <summary>RoBERTa's frozen pooler becomes the dense layer of transformers' classifier.</summary>
    [TestMethod]
    [DataRow("bert.sequence-classification.projection")]
    [DataRow("roberta.sequence-classification")]
    public void Imported_model_keeps_its_scores_when_it_is_saved_and_becomes_an_adapter_of_PEFT(string name)
    {
        using var golden = Open(name);
        using var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(new MLContext(1), folder.Path, OptionsOf(name));
        using var file = new MemoryStream();
        model.SaveTo(file);
        file.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(new MLContext(1), file);
        ImportedScores.AreClose(golden.Tensors, loaded);

        using var adapter = new ForeignFolder();
        loaded.ExportPeft(adapter.Path);
        using var ofPeft = PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path);
        ImportedScores.AreClose(golden.Tensors, ofPeft);
    }

    private static GoldenEncoder Open(string name) => new(Path.Combine(s_folder, name), "init.");

    private static PTuningV2Trainer.Options OptionsOf(string name)
    {
        const int MaxLength = 60; // Of the 96 positions.
        return name.Split('.')[1] switch
        {
            "token-classification" => new PTuningV2Trainer.NamedEntityOptions { MaxLength = MaxLength },
            "question-answering" => new PTuningV2Trainer.QuestionAnswerOptions { MaxLength = MaxLength, DocumentStride = 8 },
            "multiple-choice" => new PTuningV2Trainer.MultipleChoiceOptions { MaxLength = MaxLength },
            _ => new PTuningV2Trainer.MulticlassOptions { MaxLength = MaxLength },
        };
    }
}
