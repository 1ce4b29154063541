using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Compute;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>The context's option PTuning.ScoringCores: how many threads compute at the same time.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ScoringCoresTests
{
    private const int Rows = 40;

    private readonly MixedModels _models = new();
    private readonly RunningCount _running = new() { Expected = 2, Patience = TimeSpan.FromMilliseconds(100) };

    [TestCleanup]
    public void Free() => _models.Dispose();

    [TestMethod]
    [DataRow(null, 2)]
    [DataRow(1, 1)]
    public void Transform_uses_so_many_cores(int? cores, int expected)
    {
        var model = Create(cores);

        var predictions = model.Predict<MixedRow, Rating>(Enumerable.Range(0, Rows).Select(MixedRow.Draw));

        Assert.HasCount(Rows, predictions);
        AssertMost(expected);
    }

    [TestMethod]
    [DataRow(null, 2)]
    [DataRow(1, 1)]
    public void Prediction_engines_of_several_threads_use_so_many_cores(int? cores, int expected)
    {
        var model = Create(cores);
        var threads = Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            using var engine = new MLContext().Model.CreatePredictionEngine<MixedRow, Rating>(
                model, new PredictionEngineOptions { OwnsTransformer = false });
            for (var row = 0; row < 5; row++)
                engine.Predict(MixedRow.Draw(row));
        })).ToList();

        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        AssertMost(expected);
    }

    [TestMethod]
    [DataRow(null, 2)]
    [DataRow(1, 1)]
    public async Task Predictor_uses_so_many_cores(int? cores, int expected)
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context(cores), new() { MaxBatchSize = 1, MaxDelay = TimeSpan.Zero });
        predictor.Add("model", Create(cores));

        await Task.WhenAll(Enumerable.Range(0, Rows).Select(row => predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(row))));

        AssertMost(expected);
    }

    [TestMethod]
    public async Task Everything_of_a_context_shares_its_cores()
    {
        var context = Context(1);
        using var predictor = new PTuningV2MultiTaskPredictor(context, new() { MaxBatchSize = 1, MaxDelay = TimeSpan.Zero });
        var model = Create(cores: null);
        model.Model.Limit = JobLimit.Of(context);
        predictor.Add("model", model);

        var transforming = Task.Run(() => model.Predict<MixedRow, Rating>(Enumerable.Range(0, Rows).Select(MixedRow.Draw)));
        await Task.WhenAll(Enumerable.Range(0, Rows).Select(row => predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(row))));
        await transforming;

        AssertMost(1);
    }

    [TestMethod]
    public void Trained_and_loaded_models_of_a_context_share_its_limit()
    {
        using var training = new TinyTraining();
        training.Context.SetOption("PTuning.ScoringCores", "3");
        using var trained = training.Fit(TinyTraining.Texts(8));
        using var file = new MemoryStream();
        training.Context.Model.Save(trained, null, file);
        using var loaded = (IDisposable)training.Context.Model.Load(new MemoryStream(file.ToArray()), out _);
        using var bare = new MemoryStream();
        trained.SaveTo(bare);
        using var read = PTuningV2Transformer.LoadFrom(training.Context, new MemoryStream(bare.ToArray()));

        Assert.AreEqual(3, trained.Model.Limit!.Jobs);
        Assert.AreSame(trained.Model.Limit, read.Model.Limit);
        Assert.AreSame(trained.Model.Limit, Ours(loaded).Model.Limit);
        Assert.AreNotSame(trained.Model.Limit, JobLimit.Of(Context(3)));
    }

    [TestMethod]
    [DataRow("0")]
    [DataRow("-1")]
    [DataRow("all")]
    [DataRow("1.5")]
    public void What_is_no_number_of_cores_is_refused(string value)
    {
        var context = new MLContext();
        context.SetOption("PTuning.ScoringCores", value);

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => HostEnvironment.ScoringCoresOf(context));

        Assert.AreEqual($"The option PTuning.ScoringCores of the MLContext is '{value}', expected a number of cores, \"1\" or more.", refusal.Message);
    }

    [TestMethod]
    public void Context_without_the_option_has_no_limit() => Assert.IsNull(JobLimit.Of(new MLContext()));

    private static PTuningV2Transformer Ours(object loaded) =>
        loaded as PTuningV2Transformer ?? ((IEnumerable<ITransformer>)loaded).OfType<PTuningV2Transformer>().Single();

    private static MLContext Context(int? cores)
    {
        var context = new MLContext();
        if (cores is not null)
            context.SetOption("PTuning.ScoringCores", $"{cores}");
        return context;
    }

    private PTuningV2Transformer Create(int? cores)
    {
        var model = _models.Create(
            Any.Regression, new DeepPrefix { PrefixLength = 3 }, 1, inner => new CountingBackbone(inner) { BeforeBatch = _ => _running.Run() });
        model.Model.Limit = JobLimit.Of(Context(cores));
        return model;
    }

    private void AssertMost(int expected)
    {
        if (expected > WorkerThreads.Shared.Count)
            Assert.Inconclusive("There is one core.");
        if (expected > 1)
            Assert.IsGreaterThan(1, _running.Most);
        else
            Assert.AreEqual(1, _running.Most);
    }
}
