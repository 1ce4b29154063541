using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>
/// Every method on 1,000 real reviews: trained, saved, loaded in a second process, which scores 200 other reviews the same. Then two models in one
/// predictor: rows of both share a batch where that is promised, and get the scores that each model gives alone.
/// </summary>
[TestClass]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class MethodsOnReviewsTests
{
    private const int Rows = 1000, Judged = 200, Served = 20, Labelled = 200;

    /// <summary>Scores are numbers of about 1 in F32, after some hundred roundings of 6e-8 each in another order.</summary>
    private const float Rounding = 1e-5f;

    private static readonly PatternVerbalizer[] Patterns =
    [
        new("{text} It was {mask}.", new() { ["0"] = ["bad", "terrible"], ["1"] = ["good"] }),
        new("A {mask} film: {text}", new() { ["0"] = ["poor"], ["1"] = ["great"] }),
    ];

    private static readonly Dictionary<string, Action<PTuningV2Trainer.MulticlassOptions>> Configurations = Configure();

    private readonly TemporaryDirectory _folder = new();
    private readonly MLContext _mlContext = new(1);

    public static IEnumerable<object[]> Names => Configurations.Keys.Select(name => new object[] { name });

    public TestContext TestContext { get; set; } = null!;

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    [DynamicData(nameof(Names))]
    public async Task A_second_process_scores_the_same_and_two_models_serve_together(string name)
    {
        var options = Options(name, seed: 1);
        using var model = Trainer(options).Fit(Keyed(0, Rows));

        var accuracy = AssertSameInSecondProcess(model);
        Report(name, model, accuracy);
        if (options.Backbone is null) // The mini encoder knows too little for a bound.
            Assert.IsGreaterThan(0.7, accuracy);

        using var other = Trainer(Options(name, seed: 2)).Fit(Keyed(Rows, Rows + 64));
        var isSame = options is { Method: LinearProbe, Verbalizer: not null }; // Nothing is trained.
        await AssertServed(model, other, SharesBatch(options), isSame);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_second_process_scores_the_same_after_pattern_exploiting_training(int generations)
    {
        var trainer = _mlContext.MulticlassClassification.Trainers.PatternExploiting(new PatternExploitingTrainer.Options
        {
            PatternModel = Options("P-Tuning v2 over the mini encoder", seed: 1),
            Patterns = Patterns,
            Repetitions = 1,
            Generations = generations,
            UnlabeledSet = _mlContext.Data.LoadFromEnumerable(Reviews(Labelled, Rows)),
        });
        using var model = trainer.Fit(Keyed(0, Labelled));

        Report(generations == 1 ? "PET" : "iPET", model, AssertSameInSecondProcess(model));
    }

    private static Dictionary<string, Action<PTuningV2Trainer.MulticlassOptions>> Configure()
    {
        var all = new Dictionary<string, Action<PTuningV2Trainer.MulticlassOptions>>();
        foreach (var (name, method) in TuningMethods.All)
            all[name] = options => options.Method = method;
        all["prefix-tuning: made by a network"] = options => options.PrefixProjection = true;
        all["LoRA, merged"] = options => options.Method = new LowRankAdaptation { Merge = true };
        all["P-Tuning v2 over the mini encoder"] = options => options.Backbone = "mini-cased";

        foreach (var (name, method) in new Dictionary<string, TuningMethod?>
        {
            ["P-Tuning v2"] = null,
            ["linear probe"] = new LinearProbe(),
            ["prompt tuning"] = new PromptTuning { Length = 3 },
            ["mixture"] = new SoftPromptMixture { Length = 2, Prompts = 2 },
            ["BitFit"] = new BitFit(),
            ["LoRA"] = new LowRankAdaptation { Rank = 2 },
            ["fine-tuning"] = new FineTuning(),
        })
        {
            all[$"{name}, words at the gap"] = Asking("{text} It was {mask}.", method);
        }
        all["P-tuning v1, tokens around the text, words at the gap"] =
            Asking("{prompt:2} {text} {prompt} {mask}.", new PTuningV1 { Length = 3 });
        all["AutoPrompt, words at the gap"] = Asking("{text} {prompt:3} {mask}.", new AutoPrompt { Candidates = 5 });
        all["AutoPrompt, words of the classes searched"] = options =>
        {
            Asking("{text} {prompt:3} {mask}.", new AutoPrompt { Candidates = 5, LabelWords = 3 })(options);
            options.Verbalizer = null;
        };
        return all;

        static Action<PTuningV2Trainer.MulticlassOptions> Asking(string pattern, TuningMethod? method) => options =>
            (options.Backbone, options.Method, options.Pattern, options.Verbalizer) = ("mini-cased", method, pattern, Patterns[0].Verbalizer);
    }

    /// <summary>What docs/methods.md promises.</summary>
    private static bool SharesBatch(PTuningV2Trainer.MulticlassOptions options) => options.Method switch
    {
        LowRankAdaptation lora => !lora.Merge,
        null or DeepPrefix or PromptTuning or PTuningV1 or AutoPrompt or LinearProbe => true,
        _ => false,
    };

    private static PTuningV2Trainer.MulticlassOptions Options(string name, int seed)
    {
        var options = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", MaxEpochs = 2, Seed = seed };
        Configurations[name](options);
        return options;
    }

    private static IEnumerable<Review> Reviews(int first, int end) =>
        from line in File.ReadLines(Path.Combine(SharedFiles.RequireData("glue/SST-2"), "train.tsv")).Skip(1 + first).Take(end - first)
        let fields = line.Split('\t')
        select new Review { Text = fields[0], Label = fields[1] };

    private PTuningV2Trainer Trainer(PTuningV2Trainer.MulticlassOptions options) => _mlContext.MulticlassClassification.Trainers.PTuningV2(options);

    private IDataView Keyed(int first, int end)
    {
        var data = _mlContext.Data.LoadFromEnumerable(Reviews(first, end));
        return _mlContext.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Fit(data).Transform(data);
    }

    // Gives back the accuracy on the judged rows.
    private double AssertSameInSecondProcess(PTuningV2Transformer model)
    {
        var judged = Keyed(Rows, Rows + Judged);
        _mlContext.Model.Save(model, judged.Schema, _folder.File("model.zip"));
        using (var rows = File.Create(_folder.File("rows.idv")))
            _mlContext.Data.SaveAsBinary(judged, rows);

        var second = SecondProcess.Run(_folder.File("model.zip"), _folder.File("rows.idv"), _folder.File("scored.idv"), TaskRows.Classes);

        Assert.AreEqual(0, second.ExitCode, second.Output + second.Errors);
        var scored = model.Transform(judged);
        float[][] expected = ScoresOf(scored), found = ScoresOf(_mlContext.Data.LoadFromBinary(_folder.File("scored.idv")));
        Assert.HasCount(Judged, expected);
        AssertEqual(expected, found);
        AssertEqual(expected[..TaskRows.Singly], [.. JsonSerializer.Deserialize<Classified[]>(second.Output)!.Select(row => row.Score)]);
        return _mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy;
    }

    private async Task AssertServed(PTuningV2Transformer model, PTuningV2Transformer other, bool together, bool isSame)
    {
        Review[] reviews = [.. Reviews(Rows, Rows + Served)];
        var rows = _mlContext.Data.LoadFromEnumerable(reviews);
        float[][] ofModel = ScoresOf(model.Transform(rows)), ofOther = ScoresOf(other.Transform(rows));
        var batches = new List<int>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "ptuning.scoring.batch.size")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>((_, size, _, _) =>
        {
            lock (batches)
                batches.Add(size);
        });
        listener.Start();
        var oneCore = new MLContext(); // On two, a free core takes one of the rows.
        oneCore.SetPTuningScoringCores(1);
        await using var predictor = new PTuningV2MultiTaskPredictor(oneCore);
        predictor.Add("model", model);
        predictor.Add("other", other);

        for (var i = 0; i < reviews.Length; i++)
        {
            var both = await predictor.PredictAllAsync<TextRow, Classified>(["model", "other"], new TextRow { Text = reviews[i].Text });
            AssertEqual([ofModel[i], ofOther[i]], [both["model"].Score, both["other"].Score]);
        }

        Assert.AreEqual(isSame, ofModel.Zip(ofOther).All(pair => pair.First.SequenceEqual(pair.Second)));
        CollectionAssert.AreEqual(Enumerable.Repeat(together ? 2 : 1, together ? Served : 2 * Served).ToArray(), batches);
    }

    private void Report(string name, PTuningV2Transformer model, double accuracy) => TestContext.WriteLine(
        $"{name}: {model.Summary!.TrainedParameters:N0} numbers trained, zip {new FileInfo(_folder.File("model.zip")).Length:N0} bytes, accuracy {accuracy:F3}");

    private float[][] ScoresOf(IDataView scored) => [.. scored.GetColumn<VBuffer<float>>("Score").Select(score => score.DenseValues().ToArray())];

    private static void AssertEqual(float[][] expected, float[][] found)
    {
        Assert.HasCount(expected.Length, found);
        foreach (var (one, other) in expected.Zip(found))
        {
            Assert.HasCount(one.Length, other);
            foreach (var (score, value) in one.Zip(other))
                Assert.AreEqual(score, value, Rounding);
        }
    }

    private sealed class Review
    {
        public string Text { get; set; } = "";

        public string Label { get; set; } = "";
    }
}
