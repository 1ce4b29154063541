using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>Disks and folders that may not be written, or whose programs may not be run.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class ReadOnlyDiskTests : HostileTest
{
    private const string Disk = "mount -t tmpfs tmpfs \"$DISK\"";

    [TestMethod]
    public void Read_only_disk_is_read_and_refused_by_name_where_it_is_to_be_written() => RunWithMounts(Disk, disk =>
        AssertOnlyRead(disk, () => Shell("mount", "-o", "remount,ro", disk)));

    /// <summary>Root may write everywhere, so the process becomes nobody's.</summary>
    [TestMethod]
    public void Folder_without_permission_is_read_and_refused_by_name_where_it_is_to_be_written()
    {
        if (!IsChild && !Environment.IsPrivilegedProcess)
            Assert.Inconclusive("Only root can start a process of another user.");

        Run("""chown 65534 "$DISK"; set -- setpriv --reuid=65534 --regid=65534 --clear-groups env -u HOME "$@" """, disk =>
            AssertOnlyRead(disk, () => Shell("chmod", "-R", "a-w", disk)));
    }

    [TestMethod]
    public void Library_is_loaded_from_the_temporary_folder_where_the_cache_may_run_no_programs() => RunWithMounts(
        """mount -t tmpfs -o noexec tmpfs "$DISK" """,
        disk => new NativeBackend([NativeFiles.Folder], disk).Load());

    [TestMethod]
    public void Library_that_may_be_loaded_from_nowhere_is_told_with_the_reason() => RunWithMounts(
        """mount -t tmpfs -o noexec tmpfs "$DISK"; export TMPDIR="$DISK" """,
        disk =>
        {
            var refusal = Assert.ThrowsExactly<DllNotFoundException>(() => new NativeBackend([NativeFiles.Folder], disk).Load());

            StringAssert.Contains(refusal.Message, "mounted noexec");
            StringAssert.Contains(refusal.Message, disk);
            Assert.DoesNotContain("glibc 2.34", refusal.Message);
        });

    [TestMethod]
    public void Library_that_can_be_written_nowhere_is_told_with_the_folders() => Run(
        "export TMPDIR=/proc/nowhere",
        _ =>
        {
            var refusal = Assert.ThrowsExactly<DllNotFoundException>(() => new NativeBackend([NativeFiles.Folder], "/proc/cache").Load());

            StringAssert.Contains(refusal.Message, "neither to the cache (/proc/cache/torchsharp/");
            StringAssert.Contains(refusal.Message, "nor to the temporary folder (/proc/nowhere/)");
        });

    private static void AssertOnlyRead(string disk, Action makeReadOnly)
    {
        using var model = new TinyModel();
        using var training = new TinyTraining();
        string path = Path.Combine(disk, "model.zip"), results = Path.Combine(disk, "trials.jsonl"), cache = Path.Combine(disk, "cache");
        model.Transformer.SaveTo(path);
        Directory.CreateDirectory(cache);
        var encoder = Path.Combine(disk, "encoder");
        Shell("cp", "-r", training.Options.Backbone!, encoder);
        makeReadOnly();

        PTuningV2Transformer.LoadFrom(model.MLContext, path).Dispose();
        training.Options.Backbone = encoder;
        var scores = training.FitAndScore(TinyTraining.Texts(20));
        Assert.IsNotEmpty(scores);
        Assert.HasCount(64, new Fingerprint(cache).Of(path));
        new NativeBackend([NativeFiles.Folder], cache).Load();

        Refused(path, () => model.Transformer.SaveTo(path));
        Refused(path, () => model.MLContext.Model.Save(model.Transformer, model.Data.Schema, path));
        Refused(results, () => JsonLinesFile.Open(results).Dispose());
        training.Options.CheckpointDirectory = Path.Combine(disk, "checkpoints");
        Refused(training.Options.CheckpointDirectory, () => training.FitAndScore(TinyTraining.Texts(20)));
        PTuningV2Transformer.LoadFrom(model.MLContext, path).Dispose();
    }

    private static void Refused(string path, Action write)
    {
        var refusal = Assert.Throws<Exception>(write);

        Assert.IsTrue(refusal is IOException or UnauthorizedAccessException, refusal.ToString());
        StringAssert.Contains(refusal.Message, path);
    }
}
