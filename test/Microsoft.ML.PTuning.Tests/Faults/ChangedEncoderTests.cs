using Microsoft.ML.PTuning.Tests.Checkpoints;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>Another process changes, cuts or replaces an encoder's weights while they are mapped. Without a lease SIGBUS would end the process.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class ChangedEncoderTests : HostileTest
{
    private static readonly string[] s_formats =
    [
        WrittenFormats.Safetensors, WrittenFormats.ShardedSafetensors, WrittenFormats.Torch, WrittenFormats.ShardedTorch, WrittenFormats.Onnx,
        WrittenFormats.OnnxInFolder,
    ];

    // truncate does not wait for a lease, so it is called again.
    private static readonly string[] s_changes =
    [
        "until truncate -s 0 \"$0\"; do sleep 0.01; done", ": > \"$0\"", "head -c $(stat -c %s \"$0\") /dev/zero > \"$0\"",
        "head -c 9 \"$0\" > \"$0.new\"; mv \"$0.new\" \"$0\"", "rm \"$0\"",
    ];

    [TestMethod]
    public void Predictions_go_on_with_the_weights_that_were_loaded() => Run("", _ =>
    {
        foreach (var format in s_formats)
            foreach (var change in format == WrittenFormats.Safetensors ? s_changes : s_changes[..2])
                AssertPredicts(format, change);
    });

    [TestMethod]
    public void Training_goes_on_with_the_weights_that_were_loaded() => Run("", _ =>
    {
        var rows = TinyTraining.Texts(40);
        foreach (var change in s_changes)
        {
            using var training = new TinyTraining();
            var expected = training.FitAndScore(rows);
            var weights = Path.Combine(training.Options.Backbone!, WrittenFormats.Safetensors);
            training.Options.Progress = new EveryStep(step =>
            {
                if (step.Step == 3)
                    Shell("bash", "-c", change, weights);
            });

            CollectionAssert.AreEqual(expected, training.FitAndScore(rows), change);
            Assert.Throws<Exception>(() => training.FitAndScore(rows)); // It reads the files again.
        }
    });

    /// <summary>Leases are refused while somebody has the file open for writing.</summary>
    [TestMethod]
    public void Weights_that_cannot_be_leased_are_copied() => Run("", _ =>
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(40);
        var expected = training.FitAndScore(rows);
        var weights = Path.Combine(training.Options.Backbone!, WrittenFormats.Safetensors);
        using var writer = new FileStream(weights, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        training.Options.Progress = new EveryStep(step =>
        {
            if (step.Step == 3)
                writer.SetLength(0);
        });

        CollectionAssert.AreEqual(expected, training.FitAndScore(rows));
    });

    private static void AssertPredicts(string format, string change)
    {
        using var encoder = new TinyEncoder();
        File.Delete(encoder.Checkpoint.WeightsPath);
        var files = encoder.Checkpoint.SaveAs(format);
        var context = new MLContext(1);
        var rows = Tickets.Keyed(context, Tickets.Rows(24));
        using var model = context.MulticlassClassification.Trainers.PTuningV2(encoder.Options()).Fit(rows);
        var expected = Read();
        if (format == WrittenFormats.Safetensors)
            Assert.IsTrue(IsMapped(encoder.Path), "Nothing is mapped, so nothing is tested.");

        using var ends = new CancellationTokenSource();
        var predicting = Task.Run(() =>
        {
            while (!ends.IsCancellationRequested)
                CollectionAssert.AreEqual(expected, Read(), $"{format}: {change}");
        });
        foreach (var file in files)
            Shell("bash", "-c", change, Path.Combine(encoder.Path, file));
        if (change.Contains("> \"$0\"", StringComparison.Ordinal))
            Assert.IsFalse(IsMapped(encoder.Path), $"{format}: {change}");
        ends.Cancel();
        predicting.GetAwaiter().GetResult();

        CollectionAssert.AreEqual(expected, Read(), $"{format}: {change}");

        float[] Read() => [.. Scores.Read(context, model.Transform(rows)).SelectMany(row => row.Score)];
    }

    private static bool IsMapped(string folder) => File.ReadLines("/proc/self/maps").Any(line => line.Contains(folder, StringComparison.Ordinal));
}
