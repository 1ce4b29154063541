using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.PTuning.Tests.Faults;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>Downloads in processes of their own: several at once, killed ones, through a proxy, on a small disk.</summary>
[TestClass]
public sealed class HubProcessTests : HostileTest
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private readonly LoopbackHub _hub = new();

    [TestCleanup]
    public void Delete() => _hub.Dispose();

    [TestMethod]
    public void Of_two_processes_one_downloads_and_the_other_waits()
    {
        _hub.Change = (_, reply) => reply with { IsSlow = true };

        var processes = new[] { _hub.Start(), _hub.Start() };

        foreach (var process in processes)
            Assert.AreEqual(_hub.Snapshot, FolderOf(process));
        CollectionAssert.AllItemsAreUnique(_hub.Downloads);
        AssertWhole();
    }

    /// <summary>Python's filelock takes a file's lock by flock(2), as the program flock does.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Lock_of_another_program_is_waited_for()
    {
        var path = Path.Combine(_hub.CacheFolder, ".locks", "models--owner--mini", LoopbackHub.Etag(_hub.Files["model.safetensors"]) + ".lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var other = Process.Start(new ProcessStartInfo("flock", [path, "bash", "-c", "echo held; read"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.AreEqual("held", await other.StandardOutput.ReadLineAsync());
        var waits = new TaskCompletionSource();
        var observer = _hub.Observer() with { Log = line => { if (line.Contains($"holds '{path}'", StringComparison.Ordinal)) waits.TrySetResult(); } };

        var download = Task.Run(() => _hub.Download(observer: observer));

        Assert.AreSame(waits.Task, await Task.WhenAny(waits.Task, download));
        Assert.AreEqual(0, _hub.BytesSent);
        other.StandardInput.Close();
        Assert.AreEqual(_hub.Snapshot, await download);
        AssertWhole();
    }

    /// <inheritdoc cref="Lock_of_another_program_is_waited_for"/>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Lock_keeps_another_program_waiting()
    {
        var path = Path.Combine(_hub.CacheFolder, ".locks", "models--owner--mini", LoopbackHub.Etag(_hub.Files["model.safetensors"]) + ".lock");
        _hub.Change = (request, reply) =>
        {
            if (request.Server == "cdn")
                Assert.AreEqual(1, Start(["flock", "--nonblock", path, "true"]).ExitCode);
            return reply;
        };

        _hub.Download();

        Assert.AreEqual(0, Start(["flock", "--nonblock", path, "true"]).ExitCode);
    }

    [TestMethod]
    public void Proxy_of_the_environment_is_used()
    {
        var seen = new List<string>();
        using var proxy = new LoopbackServer("proxy", request =>
        {
            lock (seen)
                seen.Add(request.Path);
            return Forward(request);
        });

        using var process = _hub.Start(
            environment: [("HF_ENDPOINT", "http://hub.invalid"), ("http_proxy", proxy.Address.ToString()), ("no_proxy", "127.0.0.1")]);

        Assert.AreEqual(_hub.Snapshot, FolderOf(process));
        Assert.AreEqual("http://hub.invalid/api/models/owner/mini/revision/main", seen[0]);
        AssertWhole();
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(1)]
    public void Killed_20_times_it_ends_with_the_right_files(int seed)
    {
        const int Kills = 20;
        var random = new Random(seed);
        _hub.Change = (_, reply) => reply with { IsSlow = true };
        var weights = new byte[3_000_000];
        random.NextBytes(weights);
        _hub.Files["model.safetensors"] = weights;

        for (var kill = 0; kill < Kills; kill++)
        {
            using var process = _hub.Start();
            var until = _hub.BytesSent + random.Next(weights.Length / Kills * 2);
            var clock = Stopwatch.StartNew();
            while (_hub.BytesSent < until && !process.HasExited)
            {
                Assert.IsLessThan(LongestWait, clock.Elapsed);
                Thread.Sleep(1);
            }
            Thread.Sleep(random.Next(20));
            process.Kill();
            process.WaitForExit();
            foreach (var file in Present())
                CollectionAssert.AreEqual(_hub.Files[Path.GetFileName(file)], File.ReadAllBytes(file), $"{file} after {kill + 1} kills");
        }

        using var last = _hub.Start();
        Assert.AreEqual(_hub.Snapshot, FolderOf(last));
        AssertWhole();
        Assert.IsGreaterThan(Kills / 4, _hub.Requests.Count(request => request.Server == "cdn" && request["Range"] is not null));
    }

    [TestMethod]
    [DoNotParallelize]
    [OSCondition(OperatingSystems.Linux)]
    public void Disk_without_room_for_a_file_is_told_before_it_is_downloaded() => RunWithMounts("mount -t tmpfs -o size=512k tmpfs \"$DISK\"", disk =>
    {
        using var hub = new LoopbackHub();
        using var process = hub.Start(environment: ("HF_HUB_CACHE", disk));

        var (exitCode, errors) = End(process);

        Assert.AreNotEqual(0, exitCode);
        Assert.Contains("model.safetensors of 'owner/mini' needs 1000000 bytes more in ", errors);
        Assert.Contains("or let HF_HUB_CACHE name a folder on another disk", errors);
        Assert.AreEqual(0, hub.BytesSent);
    });

    [TestMethod]
    [DoNotParallelize]
    [OSCondition(OperatingSystems.Linux)]
    public void Disk_that_becomes_full_is_told_and_the_next_download_goes_on() => RunWithMounts("mount -t tmpfs -o size=4m tmpfs \"$DISK\"", disk =>
    {
        using var hub = new LoopbackHub { CacheFolder = disk };
        hub.Change = (_, reply) => reply with { IsSlow = true };
        var filler = "";
        var full = new Reports(p => filler = p.File == "model.safetensors" && filler.Length == 0 ? Fill(disk) : filler);

        var message = Assert.ThrowsExactly<IOException>(() => hub.Download(observer: hub.Observer(full))).Message;

        Assert.Contains(".incomplete' cannot be written: ", message);
        Assert.Contains("Free some space, or let HF_HUB_CACHE name a folder on another disk. What has arrived is kept.", message);
        File.Delete(filler);
        var folder = hub.Download();
        CollectionAssert.AreEqual(hub.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    });

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Limit_of_a_files_size_is_told_and_what_has_arrived_is_kept() => Run("", disk =>
    {
        using var hub = new LoopbackHub();
        Shell("prlimit", "--pid", Environment.ProcessId.ToString(CultureInfo.InvariantCulture), $"--fsize={hub.Files["model.safetensors"].Length / 2}");

        var message = Assert.ThrowsExactly<IOException>(() => hub.Download()).Message;

        Assert.Contains("it would be larger than this process may write (ulimit -f)", message);
        var arrived = File.ReadAllBytes(Directory.GetFiles(Path.Combine(hub.ModelFolder, "blobs"), "*.incomplete").Single());
        Assert.AreNotEqual(0, arrived.Length);
        CollectionAssert.AreEqual(hub.Files["model.safetensors"][..arrived.Length], arrived);
    });

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Cache_that_cannot_be_written_is_told()
    {
        using var process = _hub.Start(environment: ("HF_HUB_CACHE", "/proc/hub"));

        var (exitCode, errors) = End(process);

        Assert.AreNotEqual(0, exitCode);
        Assert.Contains("/proc/hub", errors);
    }

    /// <summary>As a proxy does: asks the server that the address names.</summary>
    private LoopbackReply Forward(LoopbackRequest request)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false });
        using var message = new HttpRequestMessage(new(request.Method), new Uri(_hub.Endpoint, new Uri(request.Path).PathAndQuery));
        using var response = http.Send(message);
        using var body = new MemoryStream();
        response.Content.ReadAsStream().CopyTo(body);
        var headers = response.Headers.Where(header => header.Key is not "Connection").Select(header => (header.Key, header.Value.First()));
        return new((int)response.StatusCode, body.ToArray(), [.. headers]) { ContentLength = response.Content.Headers.ContentLength };
    }

    private static string FolderOf(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, errors.Result);
        return output.Trim();
    }

    private static (int ExitCode, string Errors) End(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result + errors);
    }

    /// <summary>Everything that is there under a file's own name.</summary>
    private string[] Present() => Directory.Exists(_hub.Snapshot) ? Directory.GetFiles(_hub.Snapshot) : [];

    private void AssertWhole()
    {
        Assert.HasCount(4, Present());
        foreach (var file in Present())
            CollectionAssert.AreEqual(_hub.Files[Path.GetFileName(file)], File.ReadAllBytes(file));
        Assert.IsEmpty(Directory.GetFiles(Path.Combine(_hub.ModelFolder, "blobs"), "*.incomplete"));
    }
}
