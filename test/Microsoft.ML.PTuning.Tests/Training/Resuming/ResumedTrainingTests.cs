namespace Microsoft.ML.PTuning.Tests.Training.Resuming;

/// <summary>A training that was stopped goes on with the same bits.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ResumedTrainingTests : StoppedTraining
{
    public static IEnumerable<object[]> Kinds =>
    [
        Kind("prefix", _ => { }),
        Kind("reparameterised", options => options.PrefixProjection = true),
        Kind("trunk cache", options => options.PrefixLayers = 1),
        Kind("trunk cache in a file", options => (options.PrefixLayers, options.Advanced.TrunkCacheMemoryMegabytes) = (1, 0)),
        Kind("dropout in the encoder", options => options.BackboneDropout = 0.1),
        Kind("recomputed", options => options.RecomputeActivations = true),
        Kind("16 bits", options => options.Precision = BackbonePrecision.Float16),
        Kind("linear probe", options => options.Method = new LinearProbe()),
        Kind("prompt tuning", options => options.Method = new PromptTuning { Length = 3 }),
        Kind("P-tuning v1", options => options.Method = new PTuningV1 { Length = 3 }),
        Kind("mixture", options => options.Method = new SoftPromptMixture { Length = 2, Prompts = 2, Deep = true }),
        Kind("AutoPrompt", options => options.Method = new AutoPrompt { Length = 2, Candidates = 5 }),
        Kind("LoRA", options => options.Method = new LowRankAdaptation { Rank = 2 }),
        Kind("fine-tuning", options => options.Method = new FineTuning()),
    ];

    private static object[] Kind(string name, Action<PTuningV2Trainer.MulticlassOptions> set) => [name, set];

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Stopped_twice_it_gives_the_same_bits(string kind, Action<PTuningV2Trainer.MulticlassOptions> set)
    {
        Make(set);
        var expected = Run();

        AssertSame(expected, RunStopped(4, 11), kind);
    }

    [TestMethod]
    public void Stopped_after_any_step_it_gives_the_same_bits()
    {
        Make();
        var expected = Run();

        for (var step = 1; step < Steps; step++)
        {
            AssertSame(expected, RunStopped(step), $"stopped after step {step}");
            Directory.Delete(Folder, recursive: true);
        }
    }

    [TestMethod]
    public void Stopped_at_every_step_it_gives_the_same_bits()
    {
        Make();

        AssertSame(Run(), RunStopped([.. Enumerable.Range(1, Steps - 1)]));
    }

    [TestMethod]
    public void Best_epoch_and_patience_go_on()
    {
        Make();
        (Training.Options.MaxEpochs, Training.Options.EarlyStoppingPatience, Training.Options.LearningRate) = (12, 2, 0.05);
        var expected = Run(Others);
        Assert.IsLessThan(12, expected.Summary.Epochs.Count, "It did not stop early; take another seed.");

        AssertSame(expected, RunStopped([3, 7, 12], Others));
    }

    /// <summary>The rate is far too high, so that the training is taken back three times; stopped before, between and after.</summary>
    [TestMethod]
    public void Rescues_go_on()
    {
        Make();
        (Training.Options.LearningRate, Training.Options.MaxEpochs, Training.Options.MaxRescues) = (3, 10, 3);
        var expected = Run();
        Assert.HasCount(3, expected.Summary.Rescues);

        AssertSame(expected, RunStopped([.. Enumerable.Range(1, 49)]));
    }

    /// <summary>As if the process had died: the steps since the last checkpoint are made again.</summary>
    [TestMethod]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(12)]
    public void Steps_after_the_last_checkpoint_are_made_again(int every)
    {
        Make();
        var expected = Run();
        Training.Options.Advanced.CheckpointSteps = every;
        Training.Options.Advanced.CheckpointEpochs = 0;
        StopAt(13);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        File.Delete(Newest());                                          // What was written when it was cancelled.
        Assert.AreEqual(13 / every > 0, File.Exists(Newest()));
        var steps = StopAt(int.MaxValue);

        AssertSame(expected, Run());
        Assert.AreEqual(13 / every * every + 1, steps[0].Step);
    }

    [TestMethod]
    public void FinishedTraining_is_not_repeated()
    {
        Make();
        Training.Options.CheckpointDirectory = Folder;
        var expected = Run();
        var steps = StopAt(1);

        AssertSame(expected, Run());
        Assert.IsEmpty(steps);
        Assert.HasCount(1, Files());
        StringAssert.Contains(string.Join('\n', Training.Log), $"The training in '{Folder}' had finished; its result is taken.");
    }

    [TestMethod]
    public void Seed_and_shards_that_nobody_names_are_those_of_the_stoppedTraining()
    {
        Make();
        (Training.Options.Seed, Training.Options.Advanced.Shards) = (null, 3);
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);
        Training.Options.Advanced.Shards = 0;

        var resumed = Run();

        (Training.Options.Seed, Training.Options.Advanced.Shards, Training.Options.CheckpointDirectory) = (resumed.Summary.Seed, 3, null);
        AssertSame(Run(), resumed);
    }

    [TestMethod]
    public void Cancelled_while_it_validates_it_goes_on_with_the_validation()
    {
        Make();
        var expected = Run(Others);
        var source = new CancellationTokenSource();
        Training.Options.CheckpointDirectory = Folder;
        Training.Options.Advanced.CheckpointEpochs = 0;
        Training.Options.CancellationToken = source.Token;
        Training.Options.Progress = new EveryStep(progress =>
        {
            if (progress.Step == Steps / Epochs)
                source.Cancel();                                        // The next to ask is the validation.
        });
        Assert.ThrowsExactly<OperationCanceledException>(() => Run(Others));
        var steps = StopAt(int.MaxValue);

        AssertSame(expected, Run(Others));
        Assert.AreEqual(Steps / Epochs + 1, steps[0].Step);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Tasks_that_share_a_prefix_go_on(int continuationEpochs)
    {
        Make();
        var options = Training.MultiTaskOptions;
        (options.MaxEpochs, options.ContinuationEpochs, options.PrefixLength, options.PrefixLayers) = (3, continuationEpochs, 4, 2);
        var expected = Fit();
        options.CheckpointDirectory = Folder;
        int[] stops = [2, 5, 13, 20, 26];
        foreach (var stop in stops)
        {
            using var source = new CancellationTokenSource();
            options.CancellationToken = source.Token;
            var steps = 0;
            options.Progress = new EveryStep(_ =>
            {
                if (++steps == 5)
                    source.Cancel();
            });
            try
            {
                Free(Fit());
                break;
            }
            catch (OperationCanceledException)
            {
                // Goes on below.
            }
        }
        options.CancellationToken = default;
        options.Progress = null;

        var resumed = Fit();

        foreach (var (name, model) in expected)
            AssertSame(Taken(model), Taken(resumed[name]), name);
        Free(expected);
        Free(resumed);

        IReadOnlyDictionary<string, PTuningV2Transformer> Fit()
        {
            var context = Training.Context;
            var data = context.Data.LoadFromEnumerable(Rows);
            var topics = context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
            var ratings = context.Data.LoadFromEnumerable(TinyTraining.Ratings(25));
            var ofTexts = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", MaxLength = 12, ValidationSet = topics };
            var ofRatings = new PTuningV2Trainer.RegressionOptions { Sentence1ColumnName = "Text", MaxLength = 12 };
            return new PTuningV2MultiTaskTrainer(context, options).Fit(new Dictionary<string, PTuningV2MultiTaskData>
            {
                ["topic"] = new(ofTexts, topics),
                ["rating"] = new(ofRatings, ratings),
            });
        }

        static void Free(IReadOnlyDictionary<string, PTuningV2Transformer> models)
        {
            foreach (var model in models.Values)
                model.Dispose();
        }
    }
}
