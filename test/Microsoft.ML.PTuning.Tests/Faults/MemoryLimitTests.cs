using Microsoft.ML.PTuning.Tests.Examples;
using PaperTasks.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>A process that may use little memory says so, and nothing else.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class MemoryLimitTests : HostileTest
{
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    /// <summary>libtorch alone takes more than 2 GB of addresses.</summary>
    [TestMethod]
    public void Address_space_that_is_too_small_for_the_native_libraries_is_told()
    {
        var (exitCode, output) = Train("ulimit -v 2000000; export DOTNET_GCHeapHardLimit=0x10000000");

        Assert.AreEqual(1, exitCode, output);
        Assert.Contains("enough memory or address space (ulimit -v)", output);
        Assert.DoesNotContain("glibc 2.34", output);
    }

    [TestMethod]
    public void Heap_that_is_too_small_for_the_rows_is_told()
    {
        _folder.Write("train.tsv", "sentence\tlabel\n" + string.Concat(Enumerable.Range(0, 400_000).Select(i => $"a film of {i} minutes\t{i % 2}\n")));

        var (exitCode, output) = Train("export DOTNET_GCHeapHardLimit=0x2000000");

        Assert.AreNotEqual(0, exitCode);
        Assert.Contains("memory", output, StringComparison.OrdinalIgnoreCase);
        Assert.IsFalse(File.Exists(Path.Combine(_folder.Path, "model.zip")));
    }

    private (int ExitCode, string Output) Train(string limits)
    {
        if (!File.Exists(Path.Combine(_folder.Path, "train.tsv")))
            _folder.Write("train.tsv", "sentence\tlabel\na film\t0\nfilms\t1\n");
        _folder.Write("dev.tsv", "sentence\tlabel\na film\t0\n");
        string[] arguments = ["--task=sst2", $"--data={_folder.Path}", "--backbone=mini-cased", "--defaults", "--epochs=1"];
        return Start(
            ["bash", "-c", $"{limits}; exec dotnet \"$@\"", "bash", typeof(SweepFile).Assembly.Location, .. arguments,
             $"--save={Path.Combine(_folder.Path, "model.zip")}"]);
    }
}
