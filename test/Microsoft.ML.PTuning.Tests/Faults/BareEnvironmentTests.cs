using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>Processes without the folders that a user has.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class BareEnvironmentTests : HostileTest
{
    [TestMethod]
    public void Without_a_home_and_a_cache_it_trains_saves_and_loads() => Run("unset HOME XDG_CACHE_HOME", AssertWorks);

    [TestMethod]
    public void With_a_home_that_cannot_be_written_it_trains_saves_and_loads() => Run("unset XDG_CACHE_HOME; export HOME=/proc", disk =>
    {
        Assert.StartsWith("/proc/", LocalCache.Folder!);
        AssertWorks(disk);
    });

    [TestMethod]
    public void Without_a_temporary_folder_it_trains_saves_and_loads() => Run("export TMPDIR=/nowhere XDG_CACHE_HOME=\"$DISK/cache\"", AssertWorks);

    /// <summary>Each of them finds no cache, and makes it.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Twenty_processes_at_the_first_start_say_the_same_and_leave_a_whole_cache()
    {
        using var folder = new TemporaryDirectory();
        using var encoder = new TinyEncoder();
        string path = folder.File("model.zip"), rows = folder.File("rows.tsv"), cache = folder.File("cache");
        var context = new MLContext(1);
        var data = context.Data.LoadFromEnumerable(Tickets.Rows(24).Select(row => new LabelledText { Text = row.Text, Label = row.Topic }));
        var conversion = context.Transforms.Conversion;
        using var model = conversion.MapValueToKey("Label").Append(context.MulticlassClassification.Trainers.PTuningV2(encoder.Options()))
            .Append(conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        context.Model.Save(model, data.Schema, path);
        File.WriteAllLines(rows, Tickets.Rows(24).Select(row => $"{row.Text}\t{row.Topic}"));

        var runs = new (int ExitCode, string Output)[20];
        Parallel.For(0, runs.Length, new ParallelOptions { MaxDegreeOfParallelism = runs.Length }, i =>
            runs[i] = Start(["dotnet", SecondProcess.Program, path, rows], ("XDG_CACHE_HOME", cache)));

        foreach (var run in runs)
            Assert.AreEqual((0, runs[0].Output), run);
        Assert.Contains("microAccuracy", runs[0].Output);
        var entries = Directory.GetFiles(Path.Combine(cache, "Microsoft.ML.PTuning", "fingerprints"));
        Assert.IsNotEmpty(entries);
        foreach (var entry in entries)
            Assert.AreEqual(64 + 1 + 64, new FileInfo(entry).Length, entry); // The hash and the seal.
        Assert.IsTrue(entries.All(entry => Path.GetFileName(entry).Length == 64), "Drafts, whose names are longer, were left.");
    }

    private static void AssertWorks(string disk)
    {
        var context = new MLContext(1);
        var rows = context.Data.LoadFromEnumerable(TinyTraining.Ratings(8));
        using var model = context.Regression.Trainers
            .PTuningV2(backbone: "mini-cased", prefixLength: 2, maxEpochs: 2, sentence1ColumnName: "Text").Fit(rows);
        string own = Path.Combine(disk, "own.zip"), native = Path.Combine(disk, "native.zip");
        model.SaveTo(own);
        context.Model.Save(model, rows.Schema, native);

        PTuningV2Transformer.LoadFrom(new MLContext(), own).Dispose();
        ((IDisposable)new MLContext().Model.Load(native, out _)).Dispose();
        new NativeBackend([NativeFiles.Folder], LocalCache.Folder).Load();
    }
}
