using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>A process that may write files up to a size (<c>ulimit -f</c>): by default the signal SIGXFSZ would end it.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class FileSizeLimitTests : HostileTest
{
    private const string Says = "ulimit -f";

    [TestMethod]
    public void Model_beyond_the_limit_leaves_the_old_one() => Run("", disk =>
    {
        using var model = new TinyModel();
        var path = Path.Combine(disk, "model.zip");
        model.Transformer.SaveTo(path);
        var old = File.ReadAllBytes(path);
        Limit(1024);

        var refusal = Assert.ThrowsExactly<IOException>(() => model.Transformer.SaveTo(path));
        Assert.Throws<Exception>(() => model.MLContext.Model.Save(model.Transformer, model.Data.Schema, Path.Combine(disk, "other.zip")));

        StringAssert.Contains(refusal.Message, Says);
        CollectionAssert.AreEqual(old, File.ReadAllBytes(path));
        Assert.IsEmpty(Directory.GetFiles(disk, "*.tmp"));
    });

    [TestMethod]
    public void Training_goes_on_without_the_events_that_do_not_fit() => Run("", disk =>
    {
        using var training = new TinyTraining();
        var log = new TensorBoardLog(disk);
        training.Options.Progress = log;
        Limit(1024);

        using var model = training.Fit(TinyTraining.Texts(200)); // 75 steps, of each two events of some 50 bytes.

        StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => log.Complete(model.Summary!)).Message, disk);
    });

    [TestMethod]
    public void Training_goes_on_without_checkpoints_and_without_the_trunk() => Run("", disk =>
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(40);
        training.Options.PrefixLayers = 1;
        var expected = training.FitAndScore(rows);
        (training.Options.CheckpointDirectory, training.Context.TempFilePath) = (disk, disk);
        training.Options.Advanced.TrunkCacheMemoryMegabytes = 0;
        Limit(1024);

        var scores = training.FitAndScore(rows);

        for (var i = 0; i < scores.Length; i++)
            Assert.AreEqual(expected[i], scores[i], 1e-5);
        var log = string.Join('\n', training.Log);
        StringAssert.Contains(log, "are computed in every epoch, not only once: ");
        StringAssert.Contains(log, "No checkpoint could be written after step ");
        StringAssert.Contains(log, Says);
        Assert.HasCount(1, Directory.GetFiles(disk, "*", SearchOption.AllDirectories)); // The mark that the folder is in use.
    });

    [TestMethod]
    public void Caches_and_results_beyond_the_limit_stay_whole() => Run("", disk =>
    {
        using var encoder = new TinyEncoder();
        var weights = encoder.Checkpoint.WeightsPath;
        var path = Path.Combine(disk, "trials.jsonl");
        using var results = JsonLinesFile.Open(path);
        results.Append(new JsonObject { ["a"] = 1 });
        Limit(40);

        Assert.HasCount(64, new Fingerprint(Path.Combine(disk, "fingerprints")).Of(weights));
        var refusal = Assert.ThrowsExactly<IOException>(() => results.Append(new JsonObject { ["a"] = new string('b', 40) }));
        Assert.ThrowsExactly<DllNotFoundException>(() => new NativeBackend([NativeFiles.Folder], Path.Combine(disk, "cache")).Load());
        results.Append(new JsonObject { ["a"] = 2 });

        StringAssert.Contains(refusal.Message, Says);
        Assert.AreEqual("{\"a\":1}\n{\"a\":2}\n", File.ReadAllText(path));
        Assert.HasCount(2, Directory.GetFiles(disk, "*", SearchOption.AllDirectories)); // The results and their lock.
    });

    private static void Limit(int bytes) => Shell("prlimit", "--pid", $"{Environment.ProcessId}", $"--fsize={bytes}:unlimited");
}
