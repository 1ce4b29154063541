using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Tests.Training.Resuming;

/// <summary>A training that was stopped goes on with the same bits.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ResumedTrainingTests
{
    private const int Epochs = 3, Steps = 15;

    private static readonly LabelledText[] Rows = TinyTraining.Texts(40), Others = TinyTraining.Texts(24, seed: 1);

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"checkpoints-{Guid.NewGuid():N}");
    private TinyTraining _training = null!;

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

    [TestCleanup]
    public void Delete()
    {
        _training?.Dispose();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

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
            Directory.Delete(_folder, recursive: true);
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
        (_training.Options.MaxEpochs, _training.Options.EarlyStoppingPatience, _training.Options.LearningRate) = (12, 2, 0.05);
        var expected = Run(Others);
        Assert.IsLessThan(12, expected.Summary.Epochs.Count, "It did not stop early; take another seed.");

        AssertSame(expected, RunStopped([3, 7, 12], Others));
    }

    /// <summary>The rate is far too high, so that the training is taken back three times; stopped before, between and after.</summary>
    [TestMethod]
    public void Rescues_go_on()
    {
        Make();
        (_training.Options.LearningRate, _training.Options.MaxEpochs, _training.Options.MaxRescues) = (3, 10, 3);
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
        _training.Options.Advanced.CheckpointSteps = every;
        _training.Options.Advanced.CheckpointEpochs = 0;
        StopAt(13);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        File.Delete(Newest());                                          // What was written when it was cancelled.
        Assert.AreEqual(13 / every > 0, File.Exists(Newest()));
        var steps = StopAt(int.MaxValue);

        AssertSame(expected, Run());
        Assert.AreEqual(13 / every * every + 1, steps[0].Step);
    }

    [TestMethod]
    public void Finished_training_is_not_repeated()
    {
        Make();
        _training.Options.CheckpointDirectory = _folder;
        var expected = Run();
        var steps = StopAt(1);

        AssertSame(expected, Run());
        Assert.IsEmpty(steps);
        Assert.HasCount(1, Files());
        StringAssert.Contains(string.Join('\n', _training.Log), $"The training in '{_folder}' had finished; its result is taken.");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void So_many_checkpoints_are_kept(int kept)
    {
        Make();
        (_training.Options.Advanced.CheckpointSteps, _training.Options.Advanced.CheckpointsKept) = (1, kept);
        StopAt(9);

        Assert.ThrowsExactly<OperationCanceledException>(() => Run());

        Assert.HasCount(kept, Files());
    }

    [TestMethod]
    public void Seed_and_shards_that_nobody_names_are_those_of_the_stopped_training()
    {
        Make();
        (_training.Options.Seed, _training.Options.Advanced.Shards) = (null, 3);
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);
        _training.Options.Advanced.Shards = 0;

        var resumed = Run();

        (_training.Options.Seed, _training.Options.Advanced.Shards, _training.Options.CheckpointDirectory) = (resumed.Summary.Seed, 3, null);
        AssertSame(Run(), resumed);
    }

    [TestMethod]
    public void Damaged_checkpoint_is_passed_over()
    {
        Make();
        var expected = Run();
        (_training.Options.Advanced.CheckpointSteps, _training.Options.Advanced.CheckpointEpochs) = (2, 0);
        StopAt(8);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        using (var file = File.OpenWrite(Newest()))
            file.SetLength(file.Length / 2);
        var steps = StopAt(int.MaxValue);

        AssertSame(expected, Run());
        Assert.AreEqual(7, steps[0].Step);
        StringAssert.Contains(string.Join('\n', _training.Log), "The checkpoint is passed over: ");
    }

    /// <summary>Its name ranks above those of the steps to come.</summary>
    [TestMethod]
    public void Damaged_checkpoint_does_not_push_out_new_ones()
    {
        Make();
        _training.Options.Advanced.CheckpointsKept = 1;
        StopAt(13);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        File.WriteAllText(Newest(), "damaged");
        File.WriteAllText(Newest() + ".5f.tmp", "of a process that was killed while it wrote");
        StopAt(4);

        Assert.ThrowsExactly<OperationCanceledException>(() => Run());

        Assert.AreEqual("step-0000000004.safetensors", Path.GetFileName(Files().Single()));
        Assert.IsEmpty(Directory.GetFiles(Path.Combine(_folder, "model"), "*.tmp"));
    }

    [TestMethod]
    public void Cancelled_while_it_validates_it_goes_on_with_the_validation()
    {
        Make();
        var expected = Run(Others);
        var source = new CancellationTokenSource();
        _training.Options.CheckpointDirectory = _folder;
        _training.Options.Advanced.CheckpointEpochs = 0;
        _training.Options.CancellationToken = source.Token;
        _training.Options.Progress = new EveryStep(progress =>
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
    public void Other_options_are_named()
    {
        Make();
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);
        (_training.Options.LearningRate, _training.Options.MaxLength, _training.Options.PrefixLength) = (0.03, 10, 5);

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => Run());

        foreach (var part in new[]
            { $"The checkpoints in '{Path.Combine(_folder, "model")}' are of another training: ", "LearningRate is 0.03, there 0.02", "maxLength is 10, there 12",
              "prefixLength is 5, there 4", "To train anew, name another CheckpointDirectory, or delete the folder." })
            StringAssert.Contains(failure.Message, part);
    }

    [TestMethod]
    public void Other_rows_are_refused()
    {
        Make();
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);

        foreach (var rows in new[] { TinyTraining.Texts(40, seed: 5), [.. Rows.Reverse()], Rows[..39] })
        {
            var failure = Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(rows));
            StringAssert.Contains(failure.Message, "are of another training: ");
            StringAssert.Contains(failure.Message, "the set of training rows is another");
        }
    }

    [TestMethod]
    public void Another_encoder_is_refused()
    {
        Make();
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        using var other = new TinyTraining();
        other.Options.CheckpointDirectory = _folder;
        using (var file = File.OpenWrite(Path.Combine(other.Options.Backbone!, "model.safetensors")))
        {
            file.Position = file.Length - 4;
            file.Write(BitConverter.GetBytes(0.25f));
        }

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => other.Fit(Rows));

        StringAssert.Contains(failure.Message, "the content of the encoder is another");
    }

    [TestMethod]
    public void Folder_in_use_is_refused()
    {
        Make();
        _training.Options.CheckpointDirectory = _folder;
        IOException? failure = null;
        _training.Options.Progress = new EveryStep(_ =>
        {
            if (failure is not null)
                return;
            using var second = new TinyTraining();
            second.Options.CheckpointDirectory = _folder;
            failure = Assert.ThrowsExactly<IOException>(() => second.Fit(Rows));
        });

        _training.Fit(Rows).Dispose();

        StringAssert.Contains(failure!.Message, "Another training may be running in it");
    }

    [TestMethod]
    public void Folder_that_cannot_be_made_is_an_error_before_the_first_step()
    {
        Make();
        File.WriteAllText(_folder, "a file");
        try
        {
            _training.Options.CheckpointDirectory = _folder;
            var steps = 0;
            _training.Options.Progress = new EveryStep(_ => steps++);

            var failure = Assert.ThrowsExactly<IOException>(() => _training.Fit(Rows));

            StringAssert.Contains(failure.Message, $"CheckpointDirectory: '{Path.Combine(_folder, "model")}' cannot be used: ");
            Assert.AreEqual(0, steps);
        }
        finally
        {
            File.Delete(_folder);
        }
    }

    [TestMethod]
    public void Disk_that_refuses_a_checkpoint_does_not_end_the_training()
    {
        Make();
        var expected = Run();
        _training.Options.CheckpointDirectory = _folder;
        _training.Options.Progress = new EveryStep(step =>
        {
            if (step.Step == 3)
                Directory.Delete(_folder, recursive: true);
        });

        AssertSame(expected, Run());
        StringAssert.Contains(string.Join('\n', _training.Log), "No checkpoint could be written after step 5; training goes on: ");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Tasks_that_share_a_prefix_go_on(int continuationEpochs)
    {
        Make();
        var options = _training.MultiTaskOptions;
        (options.MaxEpochs, options.ContinuationEpochs, options.PrefixLength, options.PrefixLayers) = (3, continuationEpochs, 4, 2);
        var expected = Fit();
        options.CheckpointDirectory = _folder;
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
            var context = _training.Context;
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

    private void Make(Action<PTuningV2Trainer.MulticlassOptions>? set = null)
    {
        _training = new TinyTraining(setsPrefix: false);
        set?.Invoke(_training.Options);
        if (_training.Options.Method is null)
            _training.Options.PrefixLength = 4;
        (_training.Options.MaxEpochs, _training.Options.PrefixDropout) = (Epochs, 0.1);
    }

    /// <summary>Cancels the next training after a step.</summary>
    /// <returns>The steps of the next trainings.</returns>
    private List<TrainingProgress> StopAt(int step)
    {
        var source = new CancellationTokenSource();
        var steps = new List<TrainingProgress>();
        _training.Options.CheckpointDirectory = _folder;
        _training.Options.CancellationToken = source.Token;
        _training.Options.Progress = new EveryStep(progress =>
        {
            steps.Add(progress);
            if (progress.Step == step)
                source.Cancel();
        });
        return steps;
    }

    private Trained RunStopped(params int[] steps) => RunStopped(steps, validation: null);

    private Trained RunStopped(int[] steps, LabelledText[]? validation)
    {
        foreach (var step in steps)
        {
            StopAt(step);
            Assert.ThrowsExactly<OperationCanceledException>(() => Run(validation));
        }
        StopAt(int.MaxValue);
        var trained = Run(validation);
        _training.Options.CheckpointDirectory = null;
        return trained;
    }

    private Trained Run(LabelledText[]? validation = null)
    {
        using var model = _training.Fit(Rows, validation);
        return Taken(model);
    }

    private static Trained Taken(PTuningV2Transformer model) =>
        new(model.Model.Tensors.ToDictionary(pair => pair.Key, pair => pair.Value.cpu().data<float>().ToArray()), model.Summary!);

    private string[] Files() => [.. Directory.GetFiles(Path.Combine(_folder, "model"), "*.safetensors").Order()];

    private string Newest() => Files() is [.., var newest] ? newest : Path.Combine(_folder, "none");

    private static void AssertSame(Trained expected, Trained actual, string because = "")
    {
        foreach (var (name, values) in expected.Tensors)
            Assert.IsTrue(MemoryMarshal.AsBytes<float>(values).SequenceEqual(MemoryMarshal.AsBytes<float>(actual.Tensors[name])), $"{name} {because}");
        Assert.HasCount(expected.Tensors.Count, actual.Tensors);
        Assert.AreEqual(Describe(expected.Summary), Describe(actual.Summary), because);
    }

    private static string Describe(TrainingSummary summary) => string.Join('\n', summary.Epochs.Select(epoch =>
        FormattableString.Invariant($"{epoch.Epoch} {epoch.Loss:R} {epoch.Metric:R} {epoch.ValidationLoss:R} {epoch.ValidationMetric:R}")))
        + $"\n{summary.BestEpoch} {summary.Seed} {summary.Shards} {string.Join(' ', summary.Warnings)} "
        + string.Join(' ', summary.Rescues.Select(rescue => FormattableString.Invariant($"{rescue.Reason} {rescue.Epoch} {rescue.Step} {rescue.LearningRate:R}")));

    private sealed record Trained(Dictionary<string, float[]> Tensors, TrainingSummary Summary);
}
