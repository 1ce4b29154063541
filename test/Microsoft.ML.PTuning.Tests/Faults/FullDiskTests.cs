using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>What happens on a disk that is full, or becomes full.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class FullDiskTests : HostileTest
{
    private const string SmallDisk = "mount -t tmpfs -o size=512k tmpfs \"$DISK\"";

    [TestMethod]
    public void Model_that_does_not_fit_leaves_the_old_one() => RunWithMounts(SmallDisk, disk =>
    {
        using var model = new TinyModel();
        string path = Path.Combine(disk, "model.zip"), other = Path.Combine(disk, "other.zip");
        model.Transformer.SaveTo(path);
        var old = File.ReadAllBytes(path);
        Fill(disk);

        Assert.Throws<IOException>(() => model.Transformer.SaveTo(path));
        Assert.Throws<IOException>(() => model.MLContext.Model.Save(model.Transformer, model.Data.Schema, other));

        CollectionAssert.AreEqual(old, File.ReadAllBytes(path));
        CollectionAssert.IsSubsetOf(Directory.GetFiles(disk).Select(Path.GetFileName).ToArray(), (string[])["model.zip", "other.zip", "filler"]);
        PTuningV2Transformer.LoadFrom(model.MLContext, path).Dispose();
    });

    [TestMethod]
    public void Training_goes_on_without_the_checkpoints_that_do_not_fit_and_from_the_last_that_did() => RunWithMounts(SmallDisk, disk =>
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(40);
        var expected = training.FitAndScore(rows);
        (training.Options.CheckpointDirectory, training.Options.Advanced.CheckpointSteps) = (disk, 1);
        var filler = "";
        training.Options.Progress = new EveryStep(step => filler = step.Step == 3 ? Fill(disk) : filler);

        CollectionAssert.AreEqual(expected, training.FitAndScore(rows));
        StringAssert.Contains(string.Join('\n', training.Log), "No checkpoint could be written after step 4; training goes on: ");
        Assert.IsEmpty(Directory.GetFiles(disk, "*.tmp", SearchOption.AllDirectories));

        File.Delete(filler);
        var first = 0;
        training.Options.Progress = new EveryStep(step => first = first == 0 ? step.Step : first);
        CollectionAssert.AreEqual(expected, training.FitAndScore(rows));
        Assert.IsGreaterThan(1, first);
    });

    [TestMethod]
    public void Trunk_that_does_not_fit_is_computed_in_every_epoch() => RunWithMounts(SmallDisk, disk =>
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(40);
        training.Options.PrefixLayers = 1;
        var expected = training.FitAndScore(rows);
        (training.Options.Advanced.TrunkCacheMemoryMegabytes, training.Context.TempFilePath) = (0, disk);
        Fill(disk);

        var scores = training.FitAndScore(rows);

        for (var i = 0; i < scores.Length; i++)
            Assert.AreEqual(expected[i], scores[i], 1e-5);
        StringAssert.Contains(string.Join('\n', training.Log), "are computed in every epoch, not only once: ");
    });

    [TestMethod]
    public void Caches_that_cannot_grow_are_done_without() => RunWithMounts(SmallDisk, disk =>
    {
        using var encoder = new TinyEncoder();
        var weights = encoder.Checkpoint.WeightsPath;
        Fill(disk);

        Assert.AreEqual(new Fingerprint(null).Of(weights), new Fingerprint(Path.Combine(disk, "fingerprints")).Of(weights));
        new NativeBackend([NativeFiles.Folder], disk).Load();

        Assert.HasCount(1, Directory.GetFiles(disk, "*", SearchOption.AllDirectories));
    });

    [TestMethod]
    public void Results_of_a_sweep_keep_their_whole_lines() => RunWithMounts(SmallDisk, disk =>
    {
        var path = Path.Combine(disk, "trials.jsonl");
        using var encoder = new TinyEncoder();
        var (context, filler) = (new MLContext(1), "");
        var sweep = new PTuningSweep<PTuningV2Trainer.MulticlassOptions>(context, encoder.Options(), scored =>
        {
            filler = filler.Length == 0 && new FileInfo(path).Length > 0 ? Fill(disk) : filler;
            return context.MulticlassClassification.Evaluate(scored).MicroAccuracy;
        }) { Search = PTuningSweepSearch.Grid, ResultsFile = path };
        sweep.Vary(options => options.LearningRate, [.. Enumerable.Range(1, 60).Select(i => i * 1e-3)]); // The first page of the file has room for some.
        var rows = Tickets.Keyed(context, Tickets.Rows(24));

        Assert.Throws<IOException>(() => sweep.Run(rows));

        var whole = File.ReadAllText(path);
        Assert.EndsWith("}\n", whole);
        var trials = JsonLinesFile.Read(path).Count;
        File.Delete(filler);
        Assert.AreEqual(trials, sweep.Run(rows).Trials.Count(trial => trial.WasKnown));
        Assert.StartsWith(whole, File.ReadAllText(path));
    });
}
