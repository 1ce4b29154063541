using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Every method on 1,000 real reviews over the default encoder: trained, saved, loaded in a second process, which scores the same.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class MethodsOnReviewsTests
{
    private const int Rows = 1000, Judged = 200;

    public static IEnumerable<object[]> Names => TuningMethods.Names;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Second_process_scores_the_same(string name)
    {
        using var folder = new TemporaryDirectory();
        string[] lines = [.. File.ReadLines(Path.Combine(SharedFiles.RequireData("glue/SST-2"), "train.tsv")).Skip(1).Take(Rows + Judged)];
        File.WriteAllLines(folder.File("train.tsv"), lines.Take(Rows));
        File.WriteAllLines(folder.File("judged.tsv"), lines.Skip(Rows));
        var mlContext = new MLContext(1);
        var options = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Method = TuningMethods.All[name], MaxEpochs = 2, Seed = 1 };
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        var train = mlContext.Data.LoadFromTextFile<Review>(folder.File("train.tsv"));
        using var model = pipeline.Fit(train);
        mlContext.Model.Save(model, train.Schema, folder.File("model.zip"));
        var second = SecondProcess.Run(folder.File("model.zip"), folder.File("judged.tsv"));

        Assert.AreEqual(0, second.ExitCode, second.Output + second.Errors);
        var found = JsonSerializer.Deserialize<Report>(second.Output, JsonSerializerOptions.Web)!;
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(mlContext.Data.LoadFromTextFile<Review>(folder.File("judged.tsv"))));
        TestContext.WriteLine(
            $"{name}: accuracy {found.MicroAccuracy:F3}, zip {new FileInfo(folder.File("model.zip")).Length:N0} bytes");
        Assert.AreEqual(metrics.MicroAccuracy, found.MicroAccuracy);
        Assert.AreEqual(metrics.LogLoss, found.LogLoss, 1e-5);
        Assert.IsGreaterThan(0.5, found.MicroAccuracy);
    }

    private sealed record Report(double MicroAccuracy, double LogLoss);

    private sealed class Review
    {
        [LoadColumn(0)]
        public string Text { get; set; } = "";

        [LoadColumn(1)]
        public string Label { get; set; } = "";
    }
}
