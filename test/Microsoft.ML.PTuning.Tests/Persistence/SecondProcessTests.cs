using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>Guards native save and load: a process that names nothing but <see cref="MLContext"/> gets the same results as the one that trained.</summary>
[TestClass]
public class SecondProcessTests
{
    private static string _folder = "", _model = "", _data = "";
    private static Report? _expected;

    [ClassInitialize]
    public static void TrainAndSave(TestContext context)
    {
        _folder = Directory.CreateTempSubdirectory("ptuning-second-process-").FullName;
        _model = Path.Combine(_folder, "model.zip");
        _data = Path.Combine(_folder, "data.tsv");
        File.WriteAllLines(_data, Tickets());

        var mlContext = new MLContext();
        var data = mlContext.Data.LoadFromTextFile<Ticket>(_data);
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(
                new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", MaxEpochs = 2, PrefixLength = 8, Seed = 1 }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var model = pipeline.Fit(data);
        mlContext.Model.Save(model, data.Schema, _model);

        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(data));
        using var engine = mlContext.Model.CreatePredictionEngine<Ticket, Routed>(model);
        var predictions = mlContext.Data.CreateEnumerable<Ticket>(data, reuseRowObject: false)
            .Take(TaskRows.Singly).Select(engine.Predict).Select(routed => new Prediction(routed.PredictedLabel, routed.Score));
        _expected = new Report(metrics.MicroAccuracy, metrics.LogLoss, [.. predictions]);
    }

    [ClassCleanup]
    public static void Delete() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Second_process_is_compiled_against_ML_NET_only()
    {
        using var image = new PEReader(File.OpenRead(SecondProcess.Program));
        var metadata = image.GetMetadataReader();
        var references = metadata.AssemblyReferences.Select(reference => metadata.GetString(metadata.GetAssemblyReference(reference).Name)).ToArray();

        Assert.IsEmpty(references.Where(name => name.StartsWith("Microsoft.ML.PTuning", StringComparison.Ordinal) || name == "TorchSharp"));
    }

    [TestMethod]
    public void Model_loads_evaluates_and_predicts_the_same_in_a_second_process() => AssertSame(SecondProcess.Run(_model, _data));

    [TestMethod]
    [TestCategory("Slow")]
    public void Model_loads_evaluates_and_predicts_the_same_in_a_single_file_application() =>
        AssertSame(SecondProcess.RunSingleFile(_folder, _model, _data));

    private static void AssertSame(SecondProcess.Result second)
    {
        Assert.AreEqual(0, second.ExitCode, second.Output + second.Errors);
        var actual = JsonSerializer.Deserialize<Report>(second.Output, JsonSerializerOptions.Web)!;

        Assert.AreEqual(_expected!.MicroAccuracy, actual.MicroAccuracy);
        Assert.AreEqual(_expected.LogLoss, actual.LogLoss, 1e-5);
        Assert.HasCount(TaskRows.Singly, actual.Predictions);
        foreach (var (expected, found) in _expected.Predictions.Zip(actual.Predictions))
        {
            Assert.AreEqual(expected.Label, found.Label);
            Assert.HasCount(expected.Scores.Length, found.Scores);
            foreach (var (score, other) in expected.Scores.Zip(found.Scores))
                Assert.AreEqual(score, other, 1e-5f);
        }
    }

    /// <summary>Lines of <c>text TAB label</c>; 3 labels, 30 lines.</summary>
    private static IEnumerable<string> Tickets() =>
        from number in Enumerable.Range(1, 10)
        from line in new[]
        {
            $"I was charged {number} times for one invoice\tbilling",
            $"The application stops with error {number} when I open a report\tsoftware",
            $"My parcel has been waiting in the depot for {number} days\tdelivery",
        }
        select line;

    private sealed record Report(double MicroAccuracy, double LogLoss, Prediction[] Predictions);

    private sealed record Prediction(string Label, float[] Scores);

    private sealed class Ticket
    {
        [LoadColumn(0)]
        public string Text { get; set; } = "";

        [LoadColumn(1)]
        public string Label { get; set; } = "";
    }

    private sealed class Routed
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
