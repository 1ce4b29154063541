using System.Diagnostics;
using System.IO.Compression;
using Microsoft.ML.PTuning.Tests.Examples;
using PaperTasks.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Training.Resuming;

/// <summary>A process that is killed while it trains, and started again, ends with the same bits.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class KilledTrainingTests
{
    private const int Kills = 30;

    private readonly TemporaryFolder _folder = new();

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void WriteRows()
    {
        string[] rows = [.. Enumerable.Range(0, 240).Select(i => $"a film of {i * i % 11} hours and {i * i % 7} minutes\t{i % 2}")];
        File.WriteAllLines(Path.Combine(_folder.Path, "train.tsv"), rows.Prepend("sentence\tlabel"));
        File.WriteAllLines(Path.Combine(_folder.Path, "dev.tsv"), rows.Take(7).Prepend("sentence\tlabel"));
    }

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    /// <summary>
    /// The moments are drawn from all of a start: while the process begins, reads the checkpoint, computes the trunk, writes a checkpoint, or before the
    /// first one. After three starts that came to no checkpoint, the next one is left alone until it has written one, so that the run comes to an end.
    /// </summary>
    [TestMethod]
    [DataRow("--epochs=60")]
    [DataRow("--epochs=60", "--epoch=best")]
    [DataRow("--epochs=200", "--prefix-layers=1")]
    [DataRow("--epochs=30", "--continue=30", "--with=sst2=.")]
    public void Killed_30_times_it_ends_with_the_same_bits(params string[] options)
    {
        string[] arguments = ["--task=sst2", "--data=.", "--backbone=mini-cased", "--defaults", "--seed=1", .. options];
        using (var whole = Start([.. arguments, "--save=whole.zip"]))
            Assert.IsTrue(whole.WaitForExit(TimeSpan.FromMinutes(5)) && whole.ExitCode == 0);

        var random = new Random(30);
        var (kills, inVain, start, steps) = (0, 0, TimeSpan.FromSeconds(2), new List<int>());
        while (kills < Kills)
        {
            var clock = Stopwatch.StartNew();
            using var training = Start([.. arguments, "--checkpoints=state", "--save=killed.zip"]);
            var before = Newest();
            if (inVain < 3)
                Thread.Sleep(random.NextDouble() * 1.5 * start);
            else
            {
                while (Newest() == before && !training.HasExited)
                    Thread.Sleep(1);
                start = clock.Elapsed;
                Thread.Sleep(random.Next(120));
            }
            if (training.HasExited)
                break;
            training.Kill(entireProcessTree: true);
            training.WaitForExit();
            kills++;
            steps.Add(Newest());
            inVain = Newest() == before ? inVain + 1 : 0;
        }
        using (var last = Start([.. arguments, "--checkpoints=state", "--save=killed.zip"]))
            Assert.IsTrue(last.WaitForExit(TimeSpan.FromMinutes(5)) && last.ExitCode == 0);

        TestContext.WriteLine($"{string.Join(' ', options)}: killed {kills} times, with the newest checkpoint at steps {string.Join(", ", steps)}.");
        Assert.AreEqual(Kills, kills, "It ended before it was killed so often; train for more epochs.");
        CollectionAssert.AreEqual(Tensors("whole.zip"), Tensors("killed.zip"));
        CollectionAssert.AreEqual(Epochs("whole.zip"), Epochs("killed.zip"));
    }

    /// <summary>Ctrl+C sends SIGINT, a service manager SIGTERM.</summary>
    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [DataRow("INT")]
    [DataRow("TERM")]
    public void Told_to_end_it_ends_with_a_checkpoint_and_goes_on_to_the_same_bits(string signal)
    {
        string[] arguments = ["--task=sst2", "--data=.", "--backbone=mini-cased", "--defaults", "--seed=1", "--epochs=20"];
        using (var whole = Start([.. arguments, "--save=whole.zip"]))
            Assert.IsTrue(whole.WaitForExit(TimeSpan.FromMinutes(5)) && whole.ExitCode == 0);

        using (var told = Start([.. arguments, "--checkpoints=state", "--save=told.zip"]))
        {
            while (Newest() == 0 && !told.HasExited)
                Thread.Sleep(1);
            using var kill = Process.Start("kill", ["-s", signal, $"{told.Id}"]);
            Assert.IsTrue(told.WaitForExit(TimeSpan.FromMinutes(1)));
            Assert.AreEqual(130, told.ExitCode);
        }
        Assert.IsFalse(File.Exists(Path.Combine(_folder.Path, "told.zip")));
        using (var last = Start([.. arguments, "--checkpoints=state", "--save=told.zip"]))
            Assert.IsTrue(last.WaitForExit(TimeSpan.FromMinutes(5)) && last.ExitCode == 0);

        CollectionAssert.AreEqual(Tensors("whole.zip"), Tensors("told.zip"));
    }

    [TestMethod]
    public void Second_process_in_its_folder_is_refused_and_the_first_goes_on()
    {
        string[] arguments = ["--task=sst2", "--data=.", "--backbone=mini-cased", "--defaults", "--seed=1", "--epochs=20", "--checkpoints=state"];
        using var first = Start([.. arguments, "--save=first.zip"]);
        while (Newest() == 0 && !first.HasExited)
            Thread.Sleep(1);

        using var second = Start([.. arguments, "--save=second.zip"]);

        Assert.IsTrue(second.WaitForExit(TimeSpan.FromMinutes(5)) && second.ExitCode == 1 && !first.HasExited);
        Assert.IsTrue(first.WaitForExit(TimeSpan.FromMinutes(5)) && first.ExitCode == 0);
        CollectionAssert.AreEqual((string[])["first.zip"], Directory.GetFiles(_folder.Path, "*.zip").Select(Path.GetFileName).ToArray());
    }

    private int Newest() => !Directory.Exists(Path.Combine(_folder.Path, "state")) ? 0
        : Directory.EnumerateFiles(Path.Combine(_folder.Path, "state"), "step-*.safetensors", SearchOption.AllDirectories)
            .Sum(file => int.Parse(Path.GetFileNameWithoutExtension(file)["step-".Length..], System.Globalization.CultureInfo.InvariantCulture));

    private Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(SweepFile).Assembly.Location, .. arguments])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) => Console.Error.WriteLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private byte[] Tensors(string zip)
    {
        using var archive = ZipFile.OpenRead(Path.Combine(_folder.Path, zip));
        using var entry = archive.Entries.Single(entry => entry.Name == "Prompt.safetensors").Open();
        using var content = new MemoryStream();
        entry.CopyTo(content);
        return content.ToArray();
    }

    // What a user sees of the epochs, but for their times.
    private string[] Epochs(string zip)
    {
        var chain = (IEnumerable<ITransformer>)new MLContext().Model.Load(Path.Combine(_folder.Path, zip), out _);
        using var model = chain.OfType<PTuningV2Transformer>().Single();
        return [.. model.Summary!.Epochs.Select(epoch =>
            FormattableString.Invariant($"{epoch.Epoch}: {epoch.Loss:R} {epoch.Metric:R} {epoch.ValidationLoss:R} {epoch.ValidationMetric:R} {epoch.LearningRate:R}"))];
    }
}
