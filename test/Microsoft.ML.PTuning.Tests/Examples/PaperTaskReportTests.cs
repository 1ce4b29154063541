using System.Text.Json;
using PaperTasks;
using PaperTasks.DataSets;
using PaperTasks.Experiments;
using PaperTasks.Methods;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class PaperTaskReportTests
{
    [TestMethod]
    public void Each_seed_has_a_line_and_the_last_line_is_of_all()
    {
        string[] lines = [.. Report(Run(1, 0.5), Run(2, 0.7)).Lines()];

        Assert.AreEqual("300 training rows of train.tsv, 872 judged rows of dev.tsv", lines[0]);
        Assert.AreEqual("sst2, majority, no encoder, seed 2: accuracy 0.7000; 3.0 s training, 2.0 s evaluation", lines[^2]);
        Assert.AreEqual(
            "sst2, majority, no encoder, mean ± deviation of 2 seeds: accuracy 0.6000 ± 0.1414; 3.0 s training, 2.0 s evaluation", lines[^1]);
    }

    [TestMethod]
    public void One_seed_has_no_deviation() => StringAssert.Contains(Report(Run(1, 0.5)).Lines().Last(), "mean of 1 seed: accuracy 0.5000; ");

    [TestMethod]
    public void Rows_held_out_are_named_as_such() =>
        StringAssert.EndsWith((Report(Run(1, 0.5)) with { Reading = new Reading(HoldOut: 0.2) }).Lines().First(), "judged rows held out of train.tsv");

    [TestMethod]
    public void Tasks_that_trained_the_prefix_are_named()
    {
        Example[] rows = [new("a", null, "x", 1), new("b", null, "y", 2)];
        var other = new Companion("tsv", PaperTask.Named("tsv"), "more/train.tsv", new SentenceData(Measures.Accuracy, false, ["x", "y"], rows, rows));

        Report report = Report(Run(1, 0.5)) with { Shared = new SharedTraining("sst2", [other], ContinuationEpochs: 3) };

        string[] lines = [.. report.Lines()];
        Assert.AreEqual("the prefix was also trained on 2 rows of tsv, train.tsv", lines[1]);
        StringAssert.Contains(lines[2], "with tsv=2, continue 3");
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.AreEqual("tsv=2", json.RootElement.GetProperty("options").GetProperty("with").GetString());
    }

    [TestMethod]
    public void The_options_name_the_pattern_and_its_words()
    {
        var requested = new RequestedSettings(null, null, null, null, null, null, null, null, null, false, [1])
        {
            Pattern = "{text} {mask}",
            Words = new Verbalizer { ["1"] = ["good", "great"], ["0"] = ["bad"] },
            Rank = 4,
        };
        Method lora = Method.Named("lora");
        var library = new PTuningV2Trainer.MulticlassOptions { Method = lora.Tuning(requested) };

        string options = (Report(Run(1, 0.5)) with { Method = lora, Settings = Settings.Resolve(hasPrefix: false, requested, null, library) })
            .Lines().ElementAt(1);

        StringAssert.Contains(options, "Rank=4");
        StringAssert.Contains(options, "pattern {text} {mask}, words 1=good,great;0=bad");
    }

    [TestMethod]
    public void The_JSON_has_metric_seconds_rows_and_the_options_that_count()
    {
        using var json = JsonDocument.Parse((Report(Run(1, 0.5), Run(2, 0.7)) with { Method = Method.Named("embedding") }).ToJson());

        JsonElement root = json.RootElement;
        Assert.AreEqual(("sst2", "embedding", "accuracy"), (Text("task"), Text("method"), Text("metric")));
        Assert.AreEqual((0.6, 3, 2), (Math.Round(Number("mean"), 9), Number("trainSeconds"), Number("evaluateSeconds")));
        Assert.AreEqual((300, 872), (Number("trainRows"), Number("devRows")));
        Assert.AreEqual(128, root.GetProperty("options").GetProperty("maxLength").GetInt32());
        Assert.IsFalse(root.GetProperty("options").TryGetProperty("learningRate", out _));

        string? Text(string field) => root.GetProperty(field).GetString();
        double Number(string field) => root.GetProperty(field).GetDouble();
    }

    private static RunResult Run(int seed, double accuracy) => new(
        seed, 300, 872, [KeyValuePair.Create("accuracy", accuracy)], null, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(2), null, null);

    private static Report Report(params RunResult[] runs)
    {
        var requested = new RequestedSettings(null, null, null, null, null, null, null, null, null, false, [1, 2]);
        Settings settings = Settings.Resolve(hasPrefix: false, requested, null, new PTuningV2Trainer.MulticlassOptions());
        return new Report(
            PaperTask.Named("sst2"), Method.Named("majority"), settings, Reading.Everything, new DataFiles("data/train.tsv", "data/dev.tsv"), runs);
    }
}
