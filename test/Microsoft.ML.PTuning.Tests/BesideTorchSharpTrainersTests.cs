using System.Runtime.Loader;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.TorchSharp;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>An application that uses Microsoft.ML.TorchSharp as well; a NAS-BERT with random weights.</summary>
[TestClass]
[DoNotParallelize] // It seeds torch's own generator, and leaves tensors to finalizers.
public class BesideTorchSharpTrainersTests
{
    private const string NasBertScore = nameof(NasBertScore);

    private static readonly TemporaryDirectory Folder = new();
    private static readonly TinyModel Alone = new();
    private static readonly MLContext MLContext = new(1);

    private static ITransformer? _both;

    [ClassInitialize]
    public static void Train_one_pipeline_of_both(TestContext _)
    {
        RandomNasBert.WriteFor(MLContext, Folder.Path);
        var trainers = MLContext.MulticlassClassification.Trainers;
        _both = trainers.TextClassification(scoreColumnName: NasBertScore, outputColumnName: "NasBertLabel", sentence1ColumnName: "Text", maxEpochs: 1)
            .Append(trainers.PTuningV2(Alone.Encoder.Options()))
            .Fit(Alone.Data);
    }

    [ClassCleanup]
    public static void Clean_up()
    {
        (_both as IDisposable)?.Dispose();
        Alone.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void A_model_trained_after_one_of_its_has_the_scores_of_one_trained_alone() =>
        Scores.AssertEqual(Alone.Score(), Scores.Read(MLContext, _both!.Transform(Alone.Data)));

    [TestMethod]
    public void One_file_holds_and_loads_models_of_both()
    {
        using var zip = new MemoryStream();
        MLContext.Model.Save(_both, Alone.Data.Schema, zip);

        var loaded = MLContext.Model.Load(zip, out _);
        using var owner = loaded as IDisposable;
        foreach (var column in new[] { "Score", NasBertScore })
            CollectionAssert.AreEqual(ScoresOf(_both!, column), ScoresOf(loaded, column), column);
    }

    [TestMethod]
    public void As_published_its_trainer_refuses_weights_of_its_own_shape_over_this_TorchSharp()
    {
        var published = new AssemblyLoadContext("as published").LoadFromAssemblyPath(RepairedTorchSharpTrainers.PublishedFile);
        var options = Activator.CreateInstance(published.GetType("Microsoft.ML.TorchSharp.NasBert.TextClassificationTrainer+TextClassificationOptions")!)!;
        options.GetType().GetField("Sentence1ColumnName")!.SetValue(options, "Text");
        var create = published.GetType("Microsoft.ML.TorchSharp.TorchSharpCatalog")!
            .GetMethod("TextClassification", [typeof(MulticlassClassificationCatalog.MulticlassClassificationTrainers), options.GetType()])!;
        var trainer = (IEstimator<ITransformer>)create.Invoke(null, [MLContext.MulticlassClassification.Trainers, options])!;

        var exception = Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(Alone.Data));

        StringAssert.StartsWith(exception.Message, "Mismatched state_dict sizes: expected 60, but found 142 entries.");
    }

    private static float[] ScoresOf(ITransformer model, string column) =>
        [.. model.Transform(Alone.Data).GetColumn<float[]>(column).SelectMany(scores => scores)];
}
