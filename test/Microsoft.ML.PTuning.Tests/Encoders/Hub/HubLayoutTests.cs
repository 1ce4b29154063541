using System.Text;
using Microsoft.ML.PTuning.Encoders.Hub;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>What is downloaded, and how it lies in the cache, which Python's huggingface_hub reads, too.</summary>
[TestClass]
public sealed class HubLayoutTests
{
    private const string OtherCommit = "0123456789abcdef0123456789abcdef01234567";

    private static readonly string[] Needed = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"];

    private readonly LoopbackHub _hub = new();

    [TestCleanup]
    public void Delete() => _hub.Dispose();

    [TestMethod]
    public void Files_lie_as_huggingface_hub_lays_them()
    {
        var folder = _hub.Download();

        Assert.AreEqual(_hub.Snapshot, folder);
        Assert.AreEqual(_hub.Commit, File.ReadAllText(Path.Combine(_hub.ModelFolder, "refs", "main")));
        CollectionAssert.AreEquivalent(Needed.Select(name => LoopbackHub.Etag(_hub.Files[name])).ToArray(), Names(Path.Combine(_hub.ModelFolder, "blobs")));
        CollectionAssert.AreEquivalent(Needed, Names(folder));
        foreach (var name in Needed)
        {
            var etag = LoopbackHub.Etag(_hub.Files[name]);
            var file = new FileInfo(Path.Combine(folder, name));
            Assert.AreEqual($"../../blobs/{etag}", file.LinkTarget);
            Assert.IsNull(new FileInfo(Path.Combine(_hub.ModelFolder, "blobs", etag)).LinkTarget);
            Assert.IsTrue(File.Exists(Path.Combine(_hub.CacheFolder, ".locks", "models--owner--mini", etag + ".lock")));
            CollectionAssert.AreEqual(_hub.Files[name], File.ReadAllBytes(file.FullName));
        }
        Assert.IsTrue(File.Exists(Path.Combine(_hub.ModelFolder, ".no_exist", _hub.Commit, "special_tokens_map.json")));
        CollectionAssert.AreEquivalent((string[])[".no_exist", "blobs", "refs", "snapshots"], Names(_hub.ModelFolder));
    }

    /// <summary>The hashes are those that <c>git hash-object</c> and <c>sha256sum</c> give.</summary>
    [TestMethod]
    [DataRow("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a")]
    [DataRow("hello\n", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")]
    [DataRow("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")]
    public void Etag_is_the_hash_of_the_bytes(string text, string etag)
    {
        var path = Path.Combine(Directory.CreateDirectory(_hub.CacheFolder).FullName, "file");
        File.WriteAllBytes(path, Encoding.ASCII.GetBytes(text));

        Assert.IsTrue(HubEtag.TryParse($"\"{etag}\"")!.IsOf(path));
        Assert.IsTrue(HubEtag.TryParse($"W/\"{etag}\"")!.IsOf(path));
        File.AppendAllText(path, " ");
        Assert.IsFalse(HubEtag.TryParse(etag)!.IsOf(path));
    }

    [TestMethod]
    public void Only_the_files_that_an_encoder_is_read_from_are_requested()
    {
        foreach (var name in (string[])[".gitattributes", "pytorch_model.bin", "tf_model.h5", "tokenizer.json", "onnx/model.onnx", "training args (1).bin"])
            _hub.Files[name] = [1, 2, 3];

        _hub.Download();

        CollectionAssert.AreEquivalent(
            (string[])[
                "hub GET /api/models/owner/mini/revision/main",
                .. Needed.Select(name => $"hub HEAD /owner/mini/resolve/{_hub.Commit}/{name}"),
                .. Needed.Select(name => $"hub GET /owner/mini/resolve/{_hub.Commit}/{name}"),
                "cdn GET /model.safetensors?signature=1",
            ],
            _hub.Requests.Select(request => request.ToString()).ToArray());
    }

    [TestMethod]
    public void Configuration_comes_first_and_the_weights_come_last()
    {
        _hub.Download();

        StringAssert.EndsWith(_hub.Downloads[0], "config.json");
        StringAssert.Contains(_hub.Downloads[^1], "model.safetensors");
    }

    [TestMethod]
    [DataRow("vocab.txt", true)]
    [DataRow("tokenizer_config.json", true)]
    [DataRow("README.md", false)]
    public void Fast_tokenizer_is_requested_where_it_is_read(string missing, bool isRequested)
    {
        _hub.Files["tokenizer.json"] = Encoding.UTF8.GetBytes(
            """
            {"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece",
            "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}}}
            """);
        _hub.Files.Remove(missing);

        var folder = _hub.Download();

        Assert.AreEqual(isRequested, File.Exists(Path.Combine(folder, "tokenizer.json")));
    }

    [TestMethod]
    public void Parts_of_the_weights_are_those_that_the_index_names()
    {
        _hub.Files["model.safetensors.index.json"] = Encoding.UTF8.GetBytes(
            """{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}""");
        _hub.Files["model-00001-of-00002.safetensors"] = [.. _hub.Files["model.safetensors"], 1];
        _hub.Files["model-00002-of-00002.safetensors"] = [2];
        _hub.Files["model-00003-of-00003.safetensors"] = [3];
        _hub.Files["pytorch_model.bin"] = [4];
        _hub.Files.Remove("model.safetensors");

        CollectionAssert.AreEquivalent(
            (string[])["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "tokenizer_config.json", "vocab.txt"],
            Names(_hub.Download()));
    }

    [TestMethod]
    public void Part_that_the_index_names_and_the_model_lacks_is_refused()
    {
        _hub.Files["model.safetensors.index.json"] = Encoding.UTF8.GetBytes("""{"weight_map": {"a": "model-00001-of-00001.safetensors"}}""");
        _hub.Files.Remove("model.safetensors");

        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => _hub.Download()).Message,
            "names the file model-00001-of-00001.safetensors, which it does not hold");
    }

    [TestMethod]
    [DataRow("pytorch_model.bin")]
    [DataRow("onnx/model.onnx")]
    public void Weights_of_another_format_are_taken_where_there_are_no_safetensors(string name)
    {
        // The smallest ONNX model is a graph without a node; a torch file is not looked into.
        _hub.Files[name] = [0x3a, 0x00];
        _hub.Files.Remove("model.safetensors");

        Assert.IsTrue(File.Exists(Path.Combine(_hub.Download(), name)));
    }

    [TestMethod]
    public void Pooling_of_sentence_transformers_comes_with_its_encoder()
    {
        _hub.Files["modules.json"] = Encoding.UTF8.GetBytes(
            """[{"type": "sentence_transformers.models.Transformer", "path": ""}, {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]""");
        _hub.Files["1_Pooling/config.json"] = Encoding.UTF8.GetBytes("""{"pooling_mode_mean_tokens": true}""");
        _hub.Files["2_Dense/config.json"] = [1];

        var folder = _hub.Download();

        var pooling = new FileInfo(Path.Combine(folder, "1_Pooling", "config.json"));
        Assert.AreEqual("../../../blobs/" + LoopbackHub.Etag(_hub.Files["1_Pooling/config.json"]), pooling.LinkTarget);
        CollectionAssert.AreEqual(_hub.Files["1_Pooling/config.json"], File.ReadAllBytes(pooling.FullName));
        Assert.IsFalse(Directory.Exists(Path.Combine(folder, "2_Dense")));
    }

    [TestMethod]
    public void Second_use_asks_for_the_branch_and_downloads_nothing()
    {
        _hub.Download();
        _hub.Forget();

        Assert.AreEqual(_hub.Snapshot, _hub.Download());
        Assert.AreEqual("hub GET /api/models/owner/mini/revision/main", string.Join('\n', _hub.Requests));
    }

    [TestMethod]
    public void Second_use_of_a_commit_asks_for_nothing()
    {
        _hub.Download($"{LoopbackHub.Address}@{_hub.Commit}");
        _hub.Forget();

        Assert.AreEqual(_hub.Snapshot, _hub.Download($"{LoopbackHub.Address}@{_hub.Commit}"));
        Assert.IsEmpty(_hub.Requests);
        Assert.IsFalse(Directory.Exists(Path.Combine(_hub.ModelFolder, "refs")));
    }

    /// <summary>Other programs download the configuration and the weights alone.</summary>
    [TestMethod]
    public void Commit_that_another_program_has_downloaded_in_part_is_completed()
    {
        _hub.Download($"{LoopbackHub.Address}@{_hub.Commit}");
        File.Delete(Path.Combine(_hub.Snapshot, "tokenizer_config.json"));

        _hub.Download($"{LoopbackHub.Address}@{_hub.Commit}");

        Assert.IsTrue(File.Exists(Path.Combine(_hub.Snapshot, "tokenizer_config.json")));
    }

    [TestMethod]
    public void Blob_that_has_gone_is_downloaded_again()
    {
        _hub.Download();
        var blob = Path.Combine(_hub.ModelFolder, "blobs", LoopbackHub.Etag(_hub.Files["vocab.txt"]));
        File.Delete(blob);
        _hub.Forget();

        _hub.Download();

        CollectionAssert.AreEqual(_hub.Files["vocab.txt"], File.ReadAllBytes(Path.Combine(_hub.Snapshot, "vocab.txt")));
        Assert.HasCount(1, _hub.Downloads);
    }

    [TestMethod]
    public void New_commit_downloads_what_has_changed()
    {
        _hub.Download();
        _hub.Forget();
        (_hub.Commit, _hub.Files["vocab.txt"]) = (OtherCommit, [.. _hub.Files["vocab.txt"], .. "new\n"u8]);

        var folder = _hub.Download();

        Assert.AreEqual(OtherCommit, Path.GetFileName(folder));
        Assert.AreEqual(OtherCommit, File.ReadAllText(Path.Combine(_hub.ModelFolder, "refs", "main")));
        Assert.AreEqual($"hub GET /owner/mini/resolve/{OtherCommit}/vocab.txt", string.Join('\n', _hub.Downloads));
    }

    [TestMethod]
    [DataRow("v1.0", "v1.0")]
    [DataRow("refs/pr/1", "refs%2Fpr%2F1")]
    public void Branch_or_tag_is_noted_with_its_commit(string revision, string path)
    {
        _hub.Revisions.Add(revision);

        _hub.Download($"{LoopbackHub.Address}@{revision}");

        Assert.AreEqual($"hub GET /api/models/owner/mini/revision/{path}", _hub.Requests[0].ToString());
        Assert.AreEqual(_hub.Commit, File.ReadAllText(Path.Combine(_hub.ModelFolder, "refs", revision)));
    }

    [TestMethod]
    public void Where_links_cannot_be_made_the_commit_has_the_files_themselves()
    {
        var settings = _hub.Settings with { Link = (_, _) => throw new UnauthorizedAccessException("A required privilege is not held by the client.") };

        var folder = _hub.Download(settings: settings);

        foreach (var name in Needed)
        {
            Assert.IsNull(new FileInfo(Path.Combine(folder, name)).LinkTarget);
            CollectionAssert.AreEqual(_hub.Files[name], File.ReadAllBytes(Path.Combine(folder, name)));
        }
        Assert.IsEmpty(Names(Path.Combine(_hub.ModelFolder, "blobs")));
    }

    [TestMethod]
    public void Where_links_cannot_be_made_any_more_the_links_of_other_commits_stay_whole()
    {
        var first = _hub.Download();
        _hub.Commit = OtherCommit;

        var second = _hub.Download(settings: _hub.Settings with { Link = (_, _) => throw new IOException("No links here.") });

        foreach (var file in Needed.SelectMany(name => (string[])[Path.Combine(first, name), Path.Combine(second, name)]))
            CollectionAssert.AreEqual(_hub.Files[Path.GetFileName(file)], File.ReadAllBytes(file));
    }

    private static string[] Names(string folder) => [.. Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)!)];
}
