using PaperTasks;
using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class PaperTaskSettingsTests
{
    private static readonly PTuningV2Trainer.MulticlassOptions Library = new();

    private static readonly RequestedSettings Nothing = new(null, null, null, null, null, null, null, null, null, false, []);

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Rte_on_roberta_large_takes_the_official_script()
    {
        _folder.Write("config.json", """{"model_type": "roberta", "num_hidden_layers": 24, "hidden_size": 1024, "vocab_size": 50265}""");

        Settings settings = Settings.Resolve(hasPrefix: true, Nothing, Preset.For("rte", BackboneShape.Read(_folder.Path)), Library);

        Assert.AreEqual((128, 5e-3, 32, 100, 0.1), (settings.PrefixLength, settings.LearningRate, settings.BatchSize, settings.Epochs, settings.BackboneDropout));
        CollectionAssert.AreEqual(new[] { 11 }, settings.Seeds.ToArray());
        Assert.AreEqual(Pooling.Trained, settings.Pooling);
    }

    [TestMethod]
    public void The_uncased_sister_of_a_published_backbone_has_no_preset()
    {
        Assert.IsNull(Preset.For("rte", BackboneShape.BertLargeCased with { VocabularySize = 30_522 }));
    }

    [TestMethod]
    public void A_task_without_a_script_takes_the_defaults_of_the_library()
    {
        var library = new PTuningV2Trainer.MulticlassOptions();

        Settings settings = Settings.Resolve(hasPrefix: true, Nothing, Preset.For("sst2", BackboneShape.RobertaLarge), Library);

        Assert.AreEqual((library.PrefixLength, library.LearningRate, library.MaxEpochs), (settings.PrefixLength, settings.LearningRate, settings.Epochs));
    }

    [TestMethod]
    [DataRow("sst2", 20, 1e-2)]
    [DataRow("copa", 20, 1e-2)]
    [DataRow("conll2003", 50, 2e-2)]
    [DataRow("srl", 50, 2e-2)]
    [DataRow("squad", 50, 2e-2)]
    public void Each_task_has_the_defaults_of_its_trainer(string task, int prefixLength, double learningRate)
    {
        Settings settings = Settings.Resolve(hasPrefix: true, Nothing, null, PaperTask.Named(task).Defaults);

        Assert.AreEqual((prefixLength, learningRate), (settings.PrefixLength, settings.LearningRate));
    }

    [TestMethod]
    public void Answers_are_read_in_longer_windows() =>
        Assert.AreEqual(384, Settings.Resolve(hasPrefix: true, Nothing, null, PaperTask.Named("squad").Defaults).MaxLength);

    [TestMethod]
    public void The_command_line_comes_before_the_preset()
    {
        Settings settings = Settings.Resolve(
            hasPrefix: true, Nothing with { PrefixLength = 7, Seeds = [1, 2] }, Preset.For("boolq", BackboneShape.BertLargeCased), Library);

        Assert.AreEqual((7, 100), (settings.PrefixLength, settings.Epochs));
        CollectionAssert.AreEqual(new[] { 1, 2 }, settings.Seeds.ToArray());
    }

    [TestMethod]
    public void Wic_on_bert_large_trains_through_a_projection_with_the_second_wording()
    {
        Preset preset = Preset.For("wic", BackboneShape.BertLargeCased)!;

        Assert.AreEqual((true, 1), (Settings.Resolve(hasPrefix: true, Nothing, preset, Library).Projection, preset.Template));
    }

    [TestMethod]
    public void The_command_line_can_take_a_projection_from_a_preset()
    {
        Settings settings = Settings.Resolve(hasPrefix: true, Nothing with { Projection = false }, Preset.For("wic", BackboneShape.BertLargeCased), Library);

        Assert.IsFalse(settings.Projection);
    }

    [TestMethod]
    public void The_learning_rate_of_a_preset_gives_way_to_that_of_a_method()
    {
        Preset preset = Preset.For("rte", BackboneShape.RobertaLarge)!;
        var fineTuning = new PTuningV2Trainer.MulticlassOptions { Method = new FineTuning() };
        var probe = new PTuningV2Trainer.MulticlassOptions { Method = new LinearProbe() };

        Assert.AreEqual(fineTuning.LearningRate, Settings.Resolve(hasPrefix: false, Nothing, preset, fineTuning).LearningRate);
        Assert.AreEqual(3e-5, Settings.Resolve(hasPrefix: false, Nothing with { LearningRate = 3e-5 }, preset, fineTuning).LearningRate);
        Assert.AreEqual(5e-3, Settings.Resolve(hasPrefix: false, Nothing, preset, probe).LearningRate);
    }

    [TestMethod]
    public void Where_words_stand_for_classes_a_preset_pools_nothing()
    {
        RequestedSettings requested = Nothing with { Pattern = "{text} {mask}", Words = new Verbalizer { ["1"] = ["good"] } };

        Settings settings = Settings.Resolve(hasPrefix: true, requested, Preset.For("rte", BackboneShape.RobertaLarge), Library);

        Assert.AreEqual((Pooling.Automatic, "{text} {mask}"), (settings.Pooling, settings.Pattern));
    }

    [TestMethod]
    public void Squad_on_roberta_large_takes_the_official_script()
    {
        Preset preset = Preset.For("squad", BackboneShape.RobertaLarge)!;

        Assert.AreEqual((16, 5e-3, 8), (preset.PrefixLength, preset.LearningRate, preset.BatchSize));
        Assert.AreEqual((30, 384, 0.2), (preset.Epochs, preset.MaxLength, preset.Dropout));
    }

    [TestMethod]
    public void A_linear_probe_has_no_prefix()
    {
        Settings settings = Settings.Resolve(hasPrefix: false, Nothing with { PrefixLength = 7, Projection = true }, null, Library);

        Assert.AreEqual((0, false), (settings.PrefixLength, settings.Projection));
    }

    [TestMethod]
    public void F1_is_the_harmonic_mean_of_precision_and_recall()
    {
        double[][] confusion = [[50, 10], [5, 35]];                       // rows: actual
        const double Precision = 35.0 / 45, Recall = 35.0 / 40;

        Assert.AreEqual(2 * Precision * Recall / (Precision + Recall), PaperTasks.Evaluation.F1(confusion, positive: 1), 1e-12);
    }

    [TestMethod]
    public void Macro_F1_leaves_out_a_class_that_never_occurs()
    {
        double[][] confusion = [[3, 1, 0], [1, 3, 0], [0, 0, 0]];

        Assert.AreEqual(0.75, PaperTasks.Evaluation.MacroF1(confusion), 1e-12);
    }

    [TestMethod]
    public void Classes_of_the_development_rows_are_classes_too()
    {
        SentenceData data = ReadPlain("a\tx\nb\ty\n", "c\tz\n", limit: 1);

        Assert.HasCount(1, data.Train);
        CollectionAssert.AreEqual(new[] { "x", "z" }, data.Labels.ToArray());
    }

    [TestMethod]
    public void The_development_rows_have_a_limit_of_their_own()
    {
        SentenceData data = ReadPlain("a\tx\nb\ty\n", "c\tx\nd\ty\ne\ty\n", devLimit: 2);

        Assert.AreEqual((2, 2), (data.TrainRows, data.DevRows));
        Assert.AreEqual("d", data.Dev[1].Sentence1);
    }

    [TestMethod]
    public void Labels_that_are_whole_numbers_are_classes()
    {
        Assert.IsFalse(ReadPlain("a\t0\nb\t1\n", "c\t1\n").IsRegression);
    }

    [TestMethod]
    public void Labels_with_a_decimal_point_make_a_regression()
    {
        Assert.IsTrue(ReadPlain("a\t0.5\nb\t1\n", "c\t1\n").IsRegression);
    }

    [TestMethod]
    public void A_score_that_is_no_number_is_refused_by_file_and_line()
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => ReadPlain("a\t0.5\nb\t1\n", "c\t1\n\nd\thigh\n"));

        StringAssert.Contains(refusal.Message, "dev.tsv, line 3: expected a number as the score, found 'high'");
    }

    private SentenceData ReadPlain(string train, string dev, int? limit = null, int? devLimit = null) =>
        (SentenceData)PaperTask.Named("tsv").Read(
            new DataFiles(_folder.Write("train.tsv", train), _folder.Write("dev.tsv", dev)), new Reading(Limit: limit, DevLimit: devLimit));
}
