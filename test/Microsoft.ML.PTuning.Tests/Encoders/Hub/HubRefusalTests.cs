using System.Net;
using System.Text;
using Microsoft.ML.PTuning.Encoders.Hub;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>What the hub refuses, and what is refused of it. Nothing of that is asked for again.</summary>
[TestClass]
public sealed class HubRefusalTests : HubTest
{
    private HubSettings Nowhere => Hub.Settings with { Endpoint = new("http://127.0.0.1:1/") };

    [TestMethod]
    public void Token_is_sent_to_theHub_alone()
    {
        Hub.NeededToken = "hf_secret";

        Hub.Download(settings: Hub.Settings with { Token = "hf_secret" });

        Assert.IsTrue(Hub.Requests.Where(request => request.Server == "hub").All(request => request["Authorization"] == "Bearer hf_secret"));
        Assert.IsTrue(Hub.Requests.Any(request => request.Server == "cdn"));
        Assert.IsTrue(Hub.Requests.Where(request => request.Server == "cdn").All(request => request["Authorization"] is null));
        Assert.DoesNotContain("hf_secret", string.Join('\n', Hub.Log));
    }

    [TestMethod]
    public void Redirect_on_theHub_itself_is_followed_with_the_token()
    {
        Hub.NeededToken = "hf_secret";
        Hub.Instead = request => request.Path.StartsWith("/api/models/old-name/", StringComparison.Ordinal)
            ? LoopbackReply.Error(307, ("Location", "/api/models/owner/mini/revision/main"))
            : request.Path.StartsWith("/old-name/", StringComparison.Ordinal)
                ? LoopbackReply.Error(307, ("Location", request.Path.Replace("/old-name/", "/owner/mini/", StringComparison.Ordinal)))
                : null;

        var folder = Hub.Download("hf://old-name", Hub.Settings with { Token = "hf_secret" });

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
        Hub.Instead = _ => LoopbackReply.Error(status, ("X-Error-Code", code), ("X-Error-Message", "So it is."));

        var refusal = Refusal(settings: Hub.Settings with { Token = token });

        Assert.AreEqual((HttpStatusCode)status, refusal.StatusCode);
        Assert.Contains($"answered {status}", refusal.Message);
        Assert.Contains("'owner/mini'", refusal.Message);
        Assert.Contains(advice, refusal.Message);
        Assert.Contains("It says: So it is.", refusal.Message);
        Assert.HasCount(1, Hub.Requests);
    }

    [TestMethod]
    public void Gated_files_are_refused_before_any_is_downloaded()
    {
        Hub.Instead = request => request.Path.Contains("/resolve/", StringComparison.Ordinal) ? LoopbackReply.Error(403, ("X-Error-Code", "GatedRepo")) : null;

        Assert.Contains("is gated", Refusal().Message);
        Assert.IsFalse(Directory.Exists(Path.Combine(Hub.ModelFolder, "snapshots")));
    }

    [TestMethod]
    public void File_that_has_gone_is_named()
    {
        Hub.Instead = request =>
            request.Path.EndsWith("vocab.txt", StringComparison.Ordinal) ? LoopbackReply.Error(404, ("X-Error-Code", "EntryNotFound")) : null;

        Assert.Contains("has no file vocab.txt", Refusal().Message);
    }

    /// <summary>More cuts than retries: each time something arrives, they are counted anew.</summary>
    /// <summary>They were another file's: their name is their own hash.</summary>
    [TestMethod]
    [DataRow("model.safetensors")]
    [DataRow("vocab.txt")]
    public void Other_bytes_than_announced_are_refused_and_deleted(string name)
    {
        Hub.Change = (request, reply) => request.Path.Contains(name, StringComparison.Ordinal) ? reply with { Body = [.. reply.Body[..^1], 0xff] } : reply;

        Assert.Contains($"{name} of 'owner/mini' came with other bytes than the hub announced", Foreign());
        Assert.IsFalse(File.Exists(Path.Combine(Hub.Snapshot, name)));
        Assert.IsEmpty(Directory.GetFiles(Path.Combine(Hub.ModelFolder, "blobs"), LoopbackHub.Etag(Hub.Files[name]) + "*"));
    }

    [TestMethod]
    [DataRow(-1)]
    [DataRow(1)]
    public void Another_size_than_announced_is_refused(int more)
    {
        Hub.Change = (request, reply) => request.Server == "cdn" ? reply with { Body = new byte[Weights.Length + more] } : reply;

        Assert.Contains($"gives {Weights.Length + more} bytes of model.safetensors, expected {Weights.Length}", Foreign());
        Assert.IsFalse(File.Exists(Blob));
    }

    [TestMethod]
    [DataRow("../../../secret")]
    [DataRow("not-a-hash")]
    [DataRow("86B5E0934494BD15C9632B12F734A8A67F723594")]
    public void ETag_that_is_no_hash_is_refused(string etag)
    {
        Hub.Change = (_, reply) => reply with { Headers = [("ETag", $"\"{etag}\"")] };

        Assert.Contains("expected a hash and a size", Foreign());
        Assert.IsFalse(Directory.Exists(Hub.ModelFolder));
    }

    [TestMethod]
    [DataRow("../../secret")]
    [DataRow("main")]
    [DataRow("0123456789abcdef0123456789abcdef0123456")]
    public void Commit_that_is_none_is_refused(string commit)
    {
        Hub.Instead = _ => Hub.List(commit);

        Assert.Contains($"the commit of 'main' is '{commit}'", Foreign());
    }

    [TestMethod]
    public void Another_commit_than_the_one_asked_for_is_refused()
    {
        const string Other = "0123456789abcdef0123456789abcdef01234567";
        Hub.Instead = request => request.Path.StartsWith("/api/", StringComparison.Ordinal) ? Hub.List() : null;

        Assert.Contains($"the commit of '{Other}' is '{Hub.Commit}'", Foreign($"{LoopbackHub.Address}@{Other}"));
    }

    [TestMethod]
    [DataRow("../../vocab.txt")]
    [DataRow("/etc/passwd")]
    [DataRow(@"..\secret")]
    public void Model_whose_files_leave_its_folder_is_refused(string name)
    {
        Hub.Instead = _ => Hub.List(files: [.. Hub.Files.Keys, name]);

        Assert.Contains($"it names the file '{name}'", Foreign());
        Assert.HasCount(1, Hub.Requests);
    }

    [TestMethod]
    public void Index_that_leads_out_of_the_folder_is_refused()
    {
        Hub.Files["model.safetensors.index.json"] = Encoding.UTF8.GetBytes("""{"weight_map": {"a": "../../vocab.txt"}}""");
        Hub.Files.Remove("model.safetensors");

        Assert.Contains("expected a file's name without a folder", Foreign());
    }

    [TestMethod]
    [DataRow("<html>Please sign in to this network</html>")]
    [DataRow("[]")]
    [DataRow("""{"sha": "86b5e0934494bd15c9632b12f734a8a67f723594"}""")]
    [DataRow("""{"sha": 1, "siblings": []}""")]
    [DataRow("""{"sha": "86b5e0934494bd15c9632b12f734a8a67f723594", "siblings": [{"rfilename": null}]}""")]
    [DataRow("""{"sha": "86b5e0934494bd15c9632b12f734a8a67f723594", "siblings": ["config.json"]}""")]
    public void Answer_that_is_no_list_is_refused(string answer)
    {
        Hub.Instead = _ => new(200, Encoding.UTF8.GetBytes(answer));

        Assert.Contains("does not answer as a Hugging Face hub does", Foreign());
    }

    [TestMethod]
    public void Redirect_in_a_circle_is_refused()
    {
        Hub.Instead = request => LoopbackReply.Error(302, ("Location", request.Path));

        Assert.Contains("leads in a circle", Foreign());
    }

    [TestMethod]
    [DataRow("""{"model_type": "llama"}""")]
    [DataRow("""{"hidden_size": 8}""")]
    public void Family_that_is_not_supported_is_refused_before_the_weights(string configuration)
    {
        Hub.Files["config.json"] = Encoding.UTF8.GetBytes(configuration);

        Assert.Contains("does not describe a supported encoder", Foreign());
        Assert.DoesNotContain("model.safetensors", string.Join('\n', Hub.Requests));
    }

    [TestMethod]
    public void Tokenizer_that_is_not_supported_is_refused_before_the_weights()
    {
        Hub.Files["tokenizer_config.json"] = Encoding.UTF8.GetBytes("""{"tokenizer_class": "LlamaTokenizer"}""");

        Assert.Contains("the tokenizer class LlamaTokenizer", Assert.ThrowsExactly<NotSupportedException>(() => Hub.Download()).Message);
        Assert.DoesNotContain("model.safetensors", string.Join('\n', Hub.Downloads));
    }

    [TestMethod]
    [DataRow("config.json", "holds no encoder in Hugging Face layout: there is no config.json. It holds: README.md, model.safetensors, ")]
    [DataRow("model.safetensors", "holds no weights that can be read: expected model.safetensors or ")]
    public void Model_that_is_no_encoder_is_refused_at_once(string missing, string message)
    {
        Hub.Files.Remove(missing);

        Assert.Contains(message, Foreign());
        Assert.HasCount(1, Hub.Requests);
    }

    [TestMethod]
    public void Offline_the_cache_is_used()
    {
        Hub.Download();
        Hub.Forget();

        Assert.AreEqual(Hub.Snapshot, Hub.Download(settings: Hub.Settings with { IsOffline = true }));
        Assert.IsEmpty(Hub.Requests);
    }

    [TestMethod]
    public void Offline_nothing_is_requested()
    {
        var message = Assert.ThrowsExactly<DirectoryNotFoundException>(() => Hub.Download(settings: Hub.Settings with { IsOffline = true })).Message;

        Assert.Contains("'hf://owner/mini' is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids to download it", message);
        Assert.IsEmpty(Hub.Requests);
    }

    [TestMethod]
    public void Without_a_network_the_cache_is_used()
    {
        Hub.Download();

        Assert.AreEqual(Hub.Snapshot, Hub.Download(settings: Nowhere));
        Assert.Contains("cannot be reached", Hub.Log[^1]);
        Assert.Contains($"The revision in the cache is used: {Hub.Commit}", Hub.Log[^1]);
    }

    [TestMethod]
    public void Without_a_network_and_a_cache_the_refusal_says_what_to_check()
    {
        var message = Refusal(settings: Nowhere).Message;

        Assert.Contains("cannot be reached to download 'owner/mini'", message);
        Assert.Contains("It failed once. Check the network, and a proxy in HTTPS_PROXY", message);
    }
}
