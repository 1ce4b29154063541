using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Tests.Training.Resuming;

/// <summary>Trainings that are stopped and go on.</summary>
public abstract class StoppedTraining
{
    protected const int Epochs = 3, Steps = 15;

    private protected static readonly LabelledText[] Rows = TinyTraining.Texts(40), Others = TinyTraining.Texts(24, seed: 1);

    private protected string Folder { get; } = Path.Combine(Path.GetTempPath(), $"checkpoints-{Guid.NewGuid():N}");

    private protected TinyTraining Training { get; private set; } = null!;

    [TestCleanup]
    public void Delete()
    {
        Training?.Dispose();
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }

    private protected void Make(Action<PTuningV2Trainer.MulticlassOptions>? set = null)
    {
        Training = new TinyTraining(setsPrefix: false);
        set?.Invoke(Training.Options);
        if (Training.Options.Method is null)
            Training.Options.PrefixLength = 4;
        (Training.Options.MaxEpochs, Training.Options.PrefixDropout) = (Epochs, 0.1);
    }

    /// <summary>Cancels the next training after a step.</summary>
    /// <returns>The steps of the next trainings.</returns>
    private protected List<TrainingProgress> StopAt(int step)
    {
        var source = new CancellationTokenSource();
        var steps = new List<TrainingProgress>();
        Training.Options.CheckpointDirectory = Folder;
        Training.Options.CancellationToken = source.Token;
        Training.Options.Progress = new EveryStep(progress =>
        {
            steps.Add(progress);
            if (progress.Step == step)
                source.Cancel();
        });
        return steps;
    }

    private protected Trained RunStopped(params int[] steps) => RunStopped(steps, validation: null);

    private protected Trained RunStopped(int[] steps, LabelledText[]? validation)
    {
        foreach (var step in steps)
        {
            StopAt(step);
            Assert.ThrowsExactly<OperationCanceledException>(() => Run(validation));
        }
        StopAt(int.MaxValue);
        var trained = Run(validation);
        Training.Options.CheckpointDirectory = null;
        return trained;
    }

    private protected Trained Run(LabelledText[]? validation = null)
    {
        using var model = Training.Fit(Rows, validation);
        return Taken(model);
    }

    private protected static Trained Taken(PTuningV2Transformer model) =>
        new(model.Model.Tensors.ToDictionary(pair => pair.Key, pair => pair.Value.cpu().data<float>().ToArray()), model.Summary!);

    private protected string[] Files() => [.. Directory.GetFiles(Path.Combine(Folder, "model"), "*.safetensors").Order()];

    private protected string Newest() => Files() is [.., var newest] ? newest : Path.Combine(Folder, "none");

    private protected static void AssertSame(Trained expected, Trained actual, string because = "")
    {
        foreach (var (name, values) in expected.Tensors)
            Assert.IsTrue(MemoryMarshal.AsBytes<float>(values).SequenceEqual(MemoryMarshal.AsBytes<float>(actual.Tensors[name])), $"{name} {because}");
        Assert.HasCount(expected.Tensors.Count, actual.Tensors);
        Assert.AreEqual(Describe(expected.Summary), Describe(actual.Summary), because);
    }

    private static string Describe(TrainingSummary summary) => string.Join('\n', summary.Epochs.Select(epoch =>
        FormattableString.Invariant($"{epoch.Epoch} {epoch.Loss:R} {epoch.Metric:R} {epoch.ValidationLoss:R} {epoch.ValidationMetric:R}")))
        + $"\n{summary.BestEpoch} {summary.Seed} {summary.Shards} {string.Join(' ', summary.Warnings)} "
        + string.Join(' ', summary.Rescues.Select(rescue =>
            FormattableString.Invariant($"{rescue.Reason} {rescue.Epoch} {rescue.Step} {rescue.LearningRate:R}")));

    private protected sealed record Trained(Dictionary<string, float[]> Tensors, TrainingSummary Summary);
}
