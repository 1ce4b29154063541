using Microsoft.ML.PTuning.Interop;
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
    public void Without_a_home_and_a_cache_it_trains_saves_and_loads() => Run("unset HOME XDG_CACHE_HOME", disk =>
    {
        Assert.IsNull(LocalCache.Folder);
        AssertWorks(disk);
    });

    [TestMethod]
    public void With_a_home_that_cannot_be_written_it_trains_saves_and_loads() => Run("unset XDG_CACHE_HOME; export HOME=/proc", disk =>
    {
        Assert.StartsWith("/proc/", LocalCache.Folder!);
        AssertWorks(disk);
    });

    [TestMethod]
    public void Without_a_temporary_folder_it_trains_saves_and_loads() => Run("export TMPDIR=/nowhere XDG_CACHE_HOME=\"$DISK/cache\"", AssertWorks);

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
