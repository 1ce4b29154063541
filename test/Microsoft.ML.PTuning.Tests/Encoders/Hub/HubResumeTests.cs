using System.Diagnostics;
using System.Net;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>What goes wrong on the way and passes: what has arrived is kept, and the rest is asked for again.</summary>
[TestClass]
public sealed class HubResumeTests : HubTest
{
    [TestMethod]
    [DataRow(429)]
    [DataRow(500)]
    [DataRow(503)]
    public void Server_that_is_busy_is_asked_again(int status)
    {
        var seen = new HashSet<string>();
        Hub.Instead = request => seen.Add(request.ToString()) ? LoopbackReply.Error(status) : null;

        AssertWhole(Hub.Download());
        Assert.Contains($"answered {status}", Hub.Log[0]);
    }

    [TestMethod]
    [DataRow(429)]
    [DataRow(502)]
    public void Server_that_stays_busy_is_asked_as_often_as_retries_say(int status)
    {
        Hub.Instead = _ => LoopbackReply.Error(status);

        var refusal = Refusal();

        Assert.AreEqual((HttpStatusCode)status, refusal.StatusCode);
        Assert.Contains("It failed 6 times", refusal.Message);
        Assert.HasCount(6, Hub.Requests);
    }

    /// <summary>The address that the hub leads to is valid for a while.</summary>
    [TestMethod]
    public void Address_that_has_expired_is_asked_for_anew()
    {
        var isFirst = true;
        Hub.Instead = request =>
        {
            var isExpired = request.Server == "cdn" && isFirst;
            isFirst &= !isExpired;
            return isExpired ? LoopbackReply.Error(403) : null;
        };

        AssertWhole(Hub.Download());
        Assert.HasCount(2, Hub.Downloads.Where(request => request == $"hub GET /owner/mini/resolve/{Hub.Commit}/model.safetensors"));
    }

    [TestMethod]
    public void Retry_After_is_waited_for()
    {
        var isFirst = true;
        Hub.Instead = _ =>
        {
            var reply = isFirst ? LoopbackReply.Error(429, ("Retry-After", "1")) : null;
            isFirst = false;
            return reply;
        };
        var clock = Stopwatch.StartNew();

        Hub.Download();

        Assert.IsGreaterThanOrEqualTo(1, clock.Elapsed.TotalSeconds);
    }

    [TestMethod]
    public void Retry_After_that_is_too_long_is_told()
    {
        Hub.Instead = _ => LoopbackReply.Error(429, ("Retry-After", "3600"));

        Assert.Contains("asks to wait for 3600 s", Refusal().Message);
        Assert.HasCount(1, Hub.Requests);
    }

    [TestMethod]
    public void Broken_download_goes_on_where_it_was()
    {
        CutOnce(behind: Half);

        AssertWhole(Hub.Download());

        var ranges = Hub.Requests.Where(request => request.Server == "cdn").Select(request => request["Range"]).ToArray();
        Assert.HasCount(2, ranges);
        Assert.IsNull(ranges[0]);
        Assert.IsTrue(ranges[1]!.StartsWith("bytes=", StringComparison.Ordinal) && ranges[1] != "bytes=0-", ranges[1]);
        Assert.IsLessThan(Weights.Length + Half, Hub.BytesSent);
    }

    [TestMethod]
    public void Download_that_is_cut_again_and_again_ends()
    {
        Hub.Change = (request, reply) => request.Server == "cdn" ? reply with { CutBehind = 60_000 } : reply;

        AssertWhole(Hub.Download());
    }

    [TestMethod]
    public void Download_of_which_nothing_arrives_does_not_go_on_for_ever()
    {
        Hub.Change = (request, reply) => request.Server == "cdn" ? reply with { CutBehind = 0 } : reply;

        Assert.Contains("It failed 6 times", Refusal().Message);
        Assert.IsFalse(File.Exists(Blob));
    }

    [TestMethod]
    public void Server_that_says_nothing_is_asked_again()
    {
        var isFirst = true;
        Hub.Change = (request, reply) =>
        {
            if (request.Server == "cdn" && isFirst)
            {
                isFirst = false;
                Thread.Sleep(TimeSpan.FromSeconds(2));
            }
            return reply;
        };

        AssertWhole(Hub.Download(settings: Hub.Settings with { Patience = TimeSpan.FromSeconds(1) }));
        Assert.Contains("no answer for 1 s", string.Join('\n', Hub.Log));
    }

    [TestMethod]
    public void Earlier_download_goes_on_in_the_next_one()
    {
        Interrupt();

        AssertWhole(Hub.Download());
        Assert.AreEqual($"bytes={Half}-", Hub.Requests.Last(request => request.Server == "cdn")["Range"]);
        Assert.IsFalse(File.Exists(Incomplete));
    }

    [TestMethod]
    public void Server_that_knows_no_ranges_begins_anew()
    {
        Interrupt();
        Hub.Change = (request, reply) => reply.Status == 206 ? new(200, Weights) : reply;

        AssertWhole(Hub.Download());
    }

    [TestMethod]
    public void Server_that_refuses_the_range_begins_anew()
    {
        Interrupt();
        Hub.Change = (request, reply) => reply.Status == 206 ? LoopbackReply.Error(416) : reply;

        AssertWhole(Hub.Download());
    }

    [TestMethod]
    public void Range_of_other_bytes_is_refused()
    {
        Interrupt();
        Hub.Change = (request, reply) =>
            reply.Status == 206 ? reply with { Headers = [("Content-Range", $"bytes 0-{Weights.Length - 1}/{Weights.Length}")] } : reply;

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

        AssertWhole(Hub.Download());
    }

    [TestMethod]
    public void File_that_changes_between_two_downloads_begins_anew()
    {
        Interrupt();
        var old = Incomplete;
        (Hub.Commit, Hub.Files["model.safetensors"]) = ("0123456789abcdef0123456789abcdef01234567", [.. Weights.Reverse()]);
        Hub.Forget();

        AssertWhole(Hub.Download());
        Assert.IsNull(Hub.Requests.Single(request => request.Server == "cdn")["Range"]);
        Assert.IsTrue(File.Exists(old));
    }

    [TestMethod]
    public void File_that_changes_during_a_download_is_refused()
    {
        var seen = 0;
        Hub.Instead = request =>
        {
            if (request.Method == "GET" && request.Path.EndsWith("vocab.txt", StringComparison.Ordinal) && seen++ == 0)
                Hub.Files["vocab.txt"] = [1, 2, 3];
            return null;
        };

        Assert.Contains("vocab.txt changed while it was downloaded", Foreign());
    }

    [TestMethod]
    public void Cancelled_download_leaves_what_has_arrived()
    {
        using var stop = new CancellationTokenSource();
        Hub.Change = (request, reply) => reply with { IsSlow = true };
        var progress = new Reports(p => { if (p.File == "model.safetensors" && p.FileBytes > 0) stop.Cancel(); });

        Assert.Throws<OperationCanceledException>(() => Hub.Download(observer: Hub.Observer(progress, stop.Token)));

        var arrived = File.ReadAllBytes(Incomplete);
        Assert.IsInRange(1, Weights.Length - 1, arrived.Length);
        CollectionAssert.AreEqual(Weights[..arrived.Length], arrived);
        Assert.IsFalse(File.Exists(Blob));
        Assert.IsFalse(File.Exists(Path.Combine(Hub.ModelFolder, "refs", "main"))); // What looks for the branch finds no half of it.
        AssertWhole(Hub.Download());
    }

    [TestMethod]
    public void Progress_ends_with_all_bytes()
    {
        var reports = new List<BackboneDownloadProgress>();
        Interrupt();

        Hub.Download(observer: Hub.Observer(new Reports(reports.Add)));

        CollectionAssert.AreEqual(reports.Select(p => p.Bytes).Order().ToArray(), reports.Select(p => p.Bytes).ToArray());
        Assert.IsTrue(reports.All(p => p.FileBytes <= p.FileTotalBytes && p.Bytes <= p.TotalBytes));
        Assert.AreEqual(Hub.Files["model.safetensors"].Length, reports[^1].TotalBytes); // The others were there.
        Assert.AreEqual(reports[^1].TotalBytes, reports[^1].Bytes);
        Assert.AreEqual(Half, reports[0].Bytes);
    }

    private void CutOnce(int behind)
    {
        var isFirst = true;
        Hub.Change = (request, reply) =>
        {
            if (request.Server != "cdn" || !isFirst)
                return reply;
            isFirst = false;
            return reply with { CutBehind = behind };
        };
    }
}
