using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.ML.PTuning.Encoders.Hub;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>What goes wrong on the way, and passes or not.</summary>
[TestClass]
public sealed class HubFaultTests
{
    private const int Half = 500_000;

    private readonly LoopbackHub _hub = new();

    private byte[] Weights => _hub.Files["model.safetensors"];

    private string Blob => Path.Combine(_hub.ModelFolder, "blobs", LoopbackHub.Etag(Weights));

    private string Incomplete => Blob + ".incomplete";

    [TestCleanup]
    public void Delete() => _hub.Dispose();

    [TestMethod]
    public void Token_is_sent_to_the_hub_alone()
    {
        _hub.NeededToken = "hf_secret";

        _hub.Download(settings: _hub.Settings with { Token = "hf_secret" });

        Assert.IsTrue(_hub.Requests.Where(request => request.Server == "hub").All(request => request["Authorization"] == "Bearer hf_secret"));
        Assert.IsTrue(_hub.Requests.Any(request => request.Server == "cdn"));
        Assert.IsTrue(_hub.Requests.Where(request => request.Server == "cdn").All(request => request["Authorization"] is null));
        Assert.DoesNotContain("hf_secret", string.Join('\n', _hub.Log));
    }

    [TestMethod]
    public void Redirect_on_the_hub_itself_is_followed_with_the_token()
    {
        _hub.NeededToken = "hf_secret";
        _hub.Instead = request => request.Path.StartsWith("/api/models/old-name/", StringComparison.Ordinal)
            ? LoopbackReply.Error(307, ("Location", "/api/models/owner/mini/revision/main"))
            : request.Path.StartsWith("/old-name/", StringComparison.Ordinal)
                ? LoopbackReply.Error(307, ("Location", request.Path.Replace("/old-name/", "/owner/mini/", StringComparison.Ordinal)))
                : null;

        var folder = _hub.Download("hf://old-name", _hub.Settings with { Token = "hf_secret" });

        Assert.AreEqual("models--old-name", Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(folder)!)));
        CollectionAssert.AreEqual(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [TestMethod]
    [DataRow(401, "", null, "HF_TOKEN is not set: set it to a token of")]
    [DataRow(401, "", "hf_x", "the token of HF_TOKEN or of the token file was refused")]
    [DataRow(401, "GatedRepo", null, "is gated. Accept its conditions at")]
    [DataRow(403, "GatedRepo", "hf_x", "/owner/mini in the account of the token")]
    [DataRow(403, "", "hf_x", "may not be read by the owner of the token")]
    [DataRow(404, "RepoNotFound", null, "does not exist, or the list of files is not there")]
    [DataRow(404, "RevisionNotFound", null, "has no revision 'main'")]
    [DataRow(400, "", null, "was refused. Check")]
    public void Refusal_says_what_to_do_and_is_not_asked_again(int status, string code, string? token, string advice)
    {
        _hub.Instead = _ => LoopbackReply.Error(status, ("X-Error-Code", code), ("X-Error-Message", "So it is."));

        var refusal = Refusal(settings: _hub.Settings with { Token = token });

        Assert.AreEqual((HttpStatusCode)status, refusal.StatusCode);
        Assert.Contains($"answered {status}", refusal.Message);
        Assert.Contains("'owner/mini'", refusal.Message);
        Assert.Contains(advice, refusal.Message);
        Assert.Contains("It says: So it is.", refusal.Message);
        Assert.HasCount(1, _hub.Requests);
    }

    [TestMethod]
    public void Gated_files_are_refused_before_any_is_downloaded()
    {
        _hub.Instead = request => request.Path.Contains("/resolve/", StringComparison.Ordinal) ? LoopbackReply.Error(403, ("X-Error-Code", "GatedRepo")) : null;

        Assert.Contains("is gated", Refusal().Message);
        Assert.IsFalse(Directory.Exists(Path.Combine(_hub.ModelFolder, "snapshots")));
    }

    [TestMethod]
    public void File_that_has_gone_is_named()
    {
        _hub.Instead = request => request.Path.EndsWith("vocab.txt", StringComparison.Ordinal) ? LoopbackReply.Error(404, ("X-Error-Code", "EntryNotFound")) : null;

        Assert.Contains("has no file vocab.txt", Refusal().Message);
    }

    [TestMethod]
    [DataRow(429)]
    [DataRow(500)]
    [DataRow(503)]
    public void Server_that_is_busy_is_asked_again(int status)
    {
        var seen = new HashSet<string>();
        _hub.Instead = request => seen.Add(request.ToString()) ? LoopbackReply.Error(status) : null;

        AssertWhole(_hub.Download());
        Assert.Contains($"answered {status}", _hub.Log[0]);
    }

    [TestMethod]
    [DataRow(429)]
    [DataRow(502)]
    public void Server_that_stays_busy_is_asked_as_often_as_retries_say(int status)
    {
        _hub.Instead = _ => LoopbackReply.Error(status);

        var refusal = Refusal();

        Assert.AreEqual((HttpStatusCode)status, refusal.StatusCode);
        Assert.Contains("It failed 6 times", refusal.Message);
        Assert.HasCount(6, _hub.Requests);
    }

    [TestMethod]
    public void Retry_After_is_waited_for()
    {
        var isFirst = true;
        _hub.Instead = _ =>
        {
            var reply = isFirst ? LoopbackReply.Error(429, ("Retry-After", "1")) : null;
            isFirst = false;
            return reply;
        };
        var clock = Stopwatch.StartNew();

        _hub.Download();

        Assert.IsGreaterThanOrEqualTo(1, clock.Elapsed.TotalSeconds);
    }

    [TestMethod]
    public void Retry_After_that_is_too_long_is_told()
    {
        _hub.Instead = _ => LoopbackReply.Error(429, ("Retry-After", "3600"));

        Assert.Contains("asks to wait for 3600 s", Refusal().Message);
        Assert.HasCount(1, _hub.Requests);
    }

    [TestMethod]
    public void Broken_download_goes_on_where_it_was()
    {
        CutOnce(behind: Half);

        AssertWhole(_hub.Download());

        var ranges = _hub.Requests.Where(request => request.Server == "cdn").Select(request => request["Range"]).ToArray();
        Assert.HasCount(2, ranges);
        Assert.IsNull(ranges[0]);
        Assert.IsTrue(ranges[1]!.StartsWith("bytes=", StringComparison.Ordinal) && ranges[1] != "bytes=0-", ranges[1]);
        Assert.IsLessThan(Weights.Length + Half, _hub.BytesSent);
    }

    /// <summary>More cuts than retries: each time something arrives, they are counted anew.</summary>
    [TestMethod]
    public void Download_that_is_cut_again_and_again_ends()
    {
        _hub.Change = (request, reply) => request.Server == "cdn" ? reply with { CutBehind = 60_000 } : reply;

        AssertWhole(_hub.Download());
    }

    [TestMethod]
    public void Download_of_which_nothing_arrives_does_not_go_on_for_ever()
    {
        _hub.Change = (request, reply) => request.Server == "cdn" ? reply with { CutBehind = 0 } : reply;

        Assert.Contains("It failed 6 times", Refusal().Message);
        Assert.IsFalse(File.Exists(Blob));
    }

    [TestMethod]
    public void Server_that_says_nothing_is_asked_again()
    {
        var isFirst = true;
        _hub.Change = (request, reply) =>
        {
            if (request.Server == "cdn" && isFirst)
            {
                isFirst = false;
                Thread.Sleep(TimeSpan.FromSeconds(2));
            }
            return reply;
        };

        AssertWhole(_hub.Download(settings: _hub.Settings with { Patience = TimeSpan.FromSeconds(1) }));
        Assert.Contains("no answer for 1 s", string.Join('\n', _hub.Log));
    }

    [TestMethod]
    public void Earlier_download_goes_on_in_the_next_one()
    {
        Interrupt();

        AssertWhole(_hub.Download());
        Assert.AreEqual($"bytes={Half}-", _hub.Requests.Last(request => request.Server == "cdn")["Range"]);
        Assert.IsFalse(File.Exists(Incomplete));
    }

    [TestMethod]
    public void Server_that_knows_no_ranges_begins_anew()
    {
        Interrupt();
        _hub.Change = (request, reply) => reply.Status == 206 ? new(200, Weights) : reply;

        AssertWhole(_hub.Download());
    }

    [TestMethod]
    public void Server_that_refuses_the_range_begins_anew()
    {
        Interrupt();
        _hub.Change = (request, reply) => reply.Status == 206 ? LoopbackReply.Error(416) : reply;

        AssertWhole(_hub.Download());
    }

    [TestMethod]
    public void Range_of_other_bytes_is_refused()
    {
        Interrupt();
        _hub.Change = (request, reply) => reply.Status == 206 ? reply with { Headers = [("Content-Range", $"bytes 0-{Weights.Length - 1}/{Weights.Length}")] } : reply;

        Assert.Contains($"from byte {Half} of {Weights.Length} of model.safetensors on it gives 'bytes 0-", Foreign());
    }

    [TestMethod]
    [DataRow(Half)]
    [DataRow(1_000_000)]
    [DataRow(1_000_001)]
    public void Bytes_that_are_not_the_beginning_of_the_file_are_replaced(int length)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Incomplete)!);
        File.WriteAllBytes(Incomplete, new byte[length]);

        AssertWhole(_hub.Download());
    }

    /// <summary>They were another file's: their name is their own hash.</summary>
    [TestMethod]
    public void File_that_changes_between_two_downloads_begins_anew()
    {
        Interrupt();
        var old = Incomplete;
        (_hub.Commit, _hub.Files["model.safetensors"]) = ("0123456789abcdef0123456789abcdef01234567", [.. Weights.Reverse()]);
        _hub.Forget();

        AssertWhole(_hub.Download());
        Assert.IsNull(_hub.Requests.Single(request => request.Server == "cdn")["Range"]);
        Assert.IsTrue(File.Exists(old));
    }

    [TestMethod]
    public void File_that_changes_during_a_download_is_refused()
    {
        var seen = 0;
        _hub.Instead = request =>
        {
            if (request.Method == "GET" && request.Path.EndsWith("vocab.txt", StringComparison.Ordinal) && seen++ == 0)
                _hub.Files["vocab.txt"] = [1, 2, 3];
            return null;
        };

        Assert.Contains("vocab.txt changed while it was downloaded", Foreign());
    }

    [TestMethod]
    [DataRow("model.safetensors")]
    [DataRow("vocab.txt")]
    public void Other_bytes_than_announced_are_refused_and_deleted(string name)
    {
        _hub.Change = (request, reply) => request.Path.Contains(name, StringComparison.Ordinal) ? reply with { Body = [.. reply.Body[..^1], 0xff] } : reply;

        Assert.Contains($"{name} of 'owner/mini' came with other bytes than the hub announced", Foreign());
        Assert.IsFalse(File.Exists(Path.Combine(_hub.Snapshot, name)));
        Assert.IsEmpty(Directory.GetFiles(Path.Combine(_hub.ModelFolder, "blobs"), LoopbackHub.Etag(_hub.Files[name]) + "*"));
    }

    [TestMethod]
    [DataRow(-1)]
    [DataRow(1)]
    public void Another_size_than_announced_is_refused(int more)
    {
        _hub.Change = (request, reply) => request.Server == "cdn" ? reply with { Body = new byte[Weights.Length + more] } : reply;

        Assert.Contains($"gives {Weights.Length + more} bytes of model.safetensors, expected {Weights.Length}", Foreign());
        Assert.IsFalse(File.Exists(Blob));
    }

    [TestMethod]
    [DataRow("../../../secret")]
    [DataRow("not-a-hash")]
    [DataRow("86B5E0934494BD15C9632B12F734A8A67F723594")]
    public void ETag_that_is_no_hash_is_refused(string etag)
    {
        _hub.Change = (_, reply) => reply with { Headers = [("ETag", $"\"{etag}\"")] };

        Assert.Contains("expected a hash and a size", Foreign());
        Assert.IsFalse(Directory.Exists(_hub.ModelFolder));
    }

    [TestMethod]
    [DataRow("../../secret")]
    [DataRow("main")]
    [DataRow("0123456789abcdef0123456789abcdef0123456")]
    public void Commit_that_is_none_is_refused(string commit)
    {
        _hub.Instead = _ => _hub.List(commit);

        Assert.Contains($"the commit of 'main' is '{commit}'", Foreign());
    }

    [TestMethod]
    public void Another_commit_than_the_one_asked_for_is_refused()
    {
        const string Other = "0123456789abcdef0123456789abcdef01234567";
        _hub.Instead = request => request.Path.StartsWith("/api/", StringComparison.Ordinal) ? _hub.List() : null;

        Assert.Contains($"the commit of '{Other}' is '{_hub.Commit}'", Foreign($"{LoopbackHub.Address}@{Other}"));
    }

    [TestMethod]
    [DataRow("../../vocab.txt")]
    [DataRow("/etc/passwd")]
    [DataRow(@"..\secret")]
    public void Model_whose_files_leave_its_folder_is_refused(string name)
    {
        _hub.Instead = _ => _hub.List(files: [.. _hub.Files.Keys, name]);

        Assert.Contains($"it names the file '{name}'", Foreign());
        Assert.HasCount(1, _hub.Requests);
    }

    [TestMethod]
    public void Index_that_leads_out_of_the_folder_is_refused()
    {
        _hub.Files["model.safetensors.index.json"] = Encoding.UTF8.GetBytes("""{"weight_map": {"a": "../../vocab.txt"}}""");
        _hub.Files.Remove("model.safetensors");

        Assert.Contains("expected a file's name without a folder", Foreign());
    }

    [TestMethod]
    public void Answer_that_is_no_list_is_refused()
    {
        _hub.Instead = _ => new(200, Encoding.UTF8.GetBytes("<html>Please sign in to this network</html>"));

        Assert.Contains("does not answer as a Hugging Face hub does", Foreign());
    }

    [TestMethod]
    public void Redirect_in_a_circle_is_refused()
    {
        _hub.Instead = request => LoopbackReply.Error(302, ("Location", request.Path));

        Assert.Contains("leads in a circle", Foreign());
    }

    [TestMethod]
    [DataRow("""{"model_type": "llama"}""")]
    [DataRow("""{"hidden_size": 8}""")]
    public void Family_that_is_not_supported_is_refused_before_the_weights(string configuration)
    {
        _hub.Files["config.json"] = Encoding.UTF8.GetBytes(configuration);

        Assert.Contains("does not describe a supported encoder", Foreign());
        Assert.DoesNotContain("model.safetensors", string.Join('\n', _hub.Requests));
    }

    [TestMethod]
    public void Tokenizer_that_is_not_supported_is_refused_before_the_weights()
    {
        _hub.Files["tokenizer_config.json"] = Encoding.UTF8.GetBytes("""{"tokenizer_class": "LlamaTokenizer"}""");

        Assert.Contains("the tokenizer class LlamaTokenizer", Assert.ThrowsExactly<NotSupportedException>(() => _hub.Download()).Message);
        Assert.DoesNotContain("model.safetensors", string.Join('\n', _hub.Downloads));
    }

    [TestMethod]
    [DataRow("config.json", "holds no encoder in Hugging Face layout: there is no config.json. It holds: README.md, model.safetensors, ")]
    [DataRow("model.safetensors", "holds no weights that can be read: expected model.safetensors or ")]
    public void Model_that_is_no_encoder_is_refused_at_once(string missing, string message)
    {
        _hub.Files.Remove(missing);

        Assert.Contains(message, Foreign());
        Assert.HasCount(1, _hub.Requests);
    }

    [TestMethod]
    public void Offline_the_cache_is_used()
    {
        _hub.Download();
        _hub.Forget();

        Assert.AreEqual(_hub.Snapshot, _hub.Download(settings: _hub.Settings with { IsOffline = true }));
        Assert.IsEmpty(_hub.Requests);
    }

    [TestMethod]
    public void Offline_nothing_is_requested()
    {
        var message = Assert.ThrowsExactly<DirectoryNotFoundException>(() => _hub.Download(settings: _hub.Settings with { IsOffline = true })).Message;

        Assert.Contains("'hf://owner/mini' is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids to download it", message);
        Assert.IsEmpty(_hub.Requests);
    }

    [TestMethod]
    public void Without_a_network_the_cache_is_used()
    {
        _hub.Download();

        Assert.AreEqual(_hub.Snapshot, _hub.Download(settings: Nowhere));
        Assert.Contains("cannot be reached", _hub.Log[^1]);
        Assert.Contains($"The revision in the cache is used: {_hub.Commit}", _hub.Log[^1]);
    }

    [TestMethod]
    public void Without_a_network_and_a_cache_the_refusal_says_what_to_check()
    {
        var message = Refusal(settings: Nowhere).Message;

        Assert.Contains("cannot be reached to download 'owner/mini'", message);
        Assert.Contains("It failed once. Check the network, and a proxy in HTTPS_PROXY", message);
    }

    [TestMethod]
    public void Cancelled_download_leaves_what_has_arrived()
    {
        using var stop = new CancellationTokenSource();
        _hub.Change = (request, reply) => reply with { IsSlow = true };
        var progress = new Reports(p => { if (p.File == "model.safetensors" && p.FileBytes > 0) stop.Cancel(); });

        Assert.Throws<OperationCanceledException>(() => _hub.Download(observer: _hub.Observer(progress, stop.Token)));

        var arrived = File.ReadAllBytes(Incomplete);
        Assert.IsInRange(1, Weights.Length - 1, arrived.Length);
        CollectionAssert.AreEqual(Weights[..arrived.Length], arrived);
        Assert.IsFalse(File.Exists(Blob));
        AssertWhole(_hub.Download());
    }

    [TestMethod]
    public void Progress_ends_with_all_bytes()
    {
        var reports = new List<BackboneDownloadProgress>();
        Interrupt();

        _hub.Download(observer: _hub.Observer(new Reports(reports.Add)));

        CollectionAssert.AreEqual(reports.Select(p => p.Bytes).Order().ToArray(), reports.Select(p => p.Bytes).ToArray());
        Assert.IsTrue(reports.All(p => p.FileBytes <= p.FileTotalBytes && p.Bytes <= p.TotalBytes));
        Assert.AreEqual(_hub.Files["model.safetensors"].Length, reports[^1].TotalBytes); // The others were there.
        Assert.AreEqual(reports[^1].TotalBytes, reports[^1].Bytes);
        Assert.AreEqual(Half, reports[0].Bytes);
    }

    private HubSettings Nowhere => _hub.Settings with { Endpoint = new("http://127.0.0.1:1/") };

    private HttpRequestException Refusal(string address = LoopbackHub.Address, HubSettings? settings = null) =>
        Assert.ThrowsExactly<HttpRequestException>(() => _hub.Download(address, settings));

    private string Foreign(string address = LoopbackHub.Address) => Assert.ThrowsExactly<InvalidDataException>(() => _hub.Download(address)).Message;

    private void CutOnce(int behind)
    {
        var isFirst = true;
        _hub.Change = (request, reply) =>
        {
            if (request.Server != "cdn" || !isFirst)
                return reply;
            isFirst = false;
            return reply with { CutBehind = behind };
        };
    }

    /// <summary>A download of which half of the weights is there.</summary>
    private void Interrupt()
    {
        _hub.Download();
        File.WriteAllBytes(Incomplete, Weights[..Half]);
        File.Delete(Blob);
    }

    private void AssertWhole(string folder)
    {
        foreach (var file in Directory.GetFiles(folder))
            CollectionAssert.AreEqual(_hub.Files[Path.GetFileName(file)], File.ReadAllBytes(file));
        Assert.IsTrue(File.Exists(Path.Combine(folder, "model.safetensors")));
        Assert.IsFalse(File.Exists(Incomplete));
    }

    private sealed class Reports(Action<BackboneDownloadProgress> report) : IProgress<BackboneDownloadProgress>
    {
        public void Report(BackboneDownloadProgress value) => report(value);
    }
}
