using System.Reflection;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>Training on an encoder of the hub, and loading what was trained.</summary>
[TestClass]
[DoNotParallelize] // Sets variables of the environment.
public sealed class HubTrainingTests
{
    private readonly LoopbackHub _hub = new();
    private readonly Dictionary<string, string?> _old = [];

    [TestInitialize]
    public void Set_the_environment()
    {
        _hub.Files["model.safetensors"] = File.ReadAllBytes(Path.Combine(LoopbackHub.Mini, "model.safetensors"));
        _hub.Files["tokenizer_config.json"] = [.. _hub.Files["tokenizer_config.json"], (byte)' ']; // Or the package's encoder would be the same.
        Set("HF_ENDPOINT", _hub.Endpoint.ToString());
        Set("HF_HUB_CACHE", _hub.CacheFolder);
        Set("HF_TOKEN_PATH", Path.Combine(_hub.CacheFolder, "no-token"));
    }

    [TestCleanup]
    public void Restore()
    {
        foreach (var (name, value) in _old)
            Environment.SetEnvironmentVariable(name, value);
        _hub.Dispose();
    }

    [TestMethod]
    public void Fit_downloads_the_encoder_and_the_model_records_its_commit()
    {
        var log = new List<string>();
        var mlContext = new MLContext(1);
        mlContext.Log += (_, line) => log.Add(line.Message);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(8));
        using var saved = new MemoryStream();

        using (var model = mlContext.MulticlassClassification.Trainers.PTuningV2(Options("hf://owner/mini@main")).Fit(data))
        {
            Assert.AreEqual("owner/mini", model.Backbone.Name);
            Assert.AreEqual(_hub.Snapshot, model.Backbone.Directory);
            Assert.AreEqual(_hub.Files["model.safetensors"].Length, model.Backbone.FileBytes); // Not that of the link to it.
            model.SaveTo(saved);
        }

        Assert.Contains("Downloading model.safetensors of 'owner/mini@main'", string.Join('\n', log));
        using var zip = new System.IO.Compression.ZipArchive(saved, System.IO.Compression.ZipArchiveMode.Read, leaveOpen: true);
        using var document = new StreamReader(zip.GetEntry("Prompt.json")!.Open());
        Assert.Contains($"\"revision\": \"{_hub.Commit}\"", document.ReadToEnd().Replace("\":\"", "\": \"", StringComparison.Ordinal));
    }

    [TestMethod]
    public void Loading_a_model_downloads_nothing_and_says_how_to()
    {
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(8));
        using var saved = new MemoryStream();
        using (var model = mlContext.MulticlassClassification.Trainers.PTuningV2(Options(LoopbackHub.Address)).Fit(data))
            model.SaveTo(saved);
        _hub.Forget();

        saved.Position = 0;
        PTuningV2Transformer.LoadFrom(mlContext, saved).Dispose();
        Directory.Delete(_hub.CacheFolder, recursive: true);
        saved.Position = 0;
        var message = Assert.ThrowsExactly<DirectoryNotFoundException>(() => PTuningV2Transformer.LoadFrom(mlContext, saved)).Message;

        Assert.IsEmpty(_hub.Requests);
        Assert.Contains("Nothing is downloaded.", message);
        Assert.Contains(
            $"hf download owner/mini --revision {_hub.Commit}, or in C# mlContext.DownloadPTuningBackboneAsync(\"hf://owner/mini@{_hub.Commit}\")", message);
    }

    [TestMethod]
    public void Name_without_hf_is_not_downloaded()
    {
        var mlContext = new MLContext(1);

        var message = Assert.ThrowsExactly<DirectoryNotFoundException>(
            () => mlContext.MulticlassClassification.Trainers.PTuningV2(Options(LoopbackHub.Model)).Fit(Tickets.Keyed(mlContext, Tickets.Rows(8)))).Message;

        Assert.Contains("nothing is downloaded unless Backbone is \"hf://owner/mini\"", message);
        Assert.IsEmpty(_hub.Requests);
    }

    [TestMethod]
    public async Task Download_ahead_gives_the_folder_that_Fit_uses()
    {
        var mlContext = new MLContext(1);

        var folder = await mlContext.DownloadPTuningBackboneAsync(LoopbackHub.Address);

        Assert.AreEqual(_hub.Snapshot, folder);
        _hub.Forget();
        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(Options(LoopbackHub.Model)).Fit(Tickets.Keyed(mlContext, Tickets.Rows(8)));
        Assert.AreEqual(folder, model.Backbone.Directory);
        Assert.IsEmpty(_hub.Requests);
    }

    [TestMethod]
    public void Cancelled_context_stops_the_download()
    {
        _hub.Change = (_, reply) => reply with { IsSlow = true };
        var mlContext = new MLContext(1);
        mlContext.Log += (_, line) =>
        {
            if (line.Message.Contains("Downloading model.safetensors", StringComparison.Ordinal))
                typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(mlContext, null);
        };

        Assert.Throws<OperationCanceledException>(
            () => mlContext.DownloadPTuningBackboneAsync(LoopbackHub.Address).GetAwaiter().GetResult());
        Assert.HasCount(1, Directory.GetFiles(Path.Combine(_hub.ModelFolder, "blobs"), "*.incomplete"));
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow("")]
    [DataRow("owner/mini")]
    public void Download_of_what_is_no_address_is_refused_at_once(string? backbone)
    {
        var mlContext = new MLContext(1);

        Assert.Throws<ArgumentException>(() => { _ = mlContext.DownloadPTuningBackboneAsync(backbone!); });
    }

    private static PTuningV2Trainer.MulticlassOptions Options(string backbone) =>
        new() { Sentence1ColumnName = "Text", Backbone = backbone, PrefixLength = 2, MaxLength = 12, MaxEpochs = 1, Seed = 1 };

    private void Set(string name, string value)
    {
        _old[name] = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, value);
    }
}
