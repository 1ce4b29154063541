using System.Diagnostics;
using System.Text.Json;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Encoders.Hub;

namespace Microsoft.ML.PTuning.Tests.Tool;

[TestClass]
public sealed class ToolDownloadTests
{
    [TestMethod]
    public void Download_says_where_the_encoder_is()
    {
        using var hub = new LoopbackHub();
        using var cache = new TemporaryDirectory();

        var (code, output) = Run(hub, cache, LoopbackHub.Model);

        Assert.AreEqual(0, code, output);
        var folder = JsonDocument.Parse(output).RootElement.GetProperty("folder").GetString()!;
        CollectionAssert.AreEqual(hub.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [TestMethod]
    public void Download_of_a_missing_model_fails_with_the_address()
    {
        using var hub = new LoopbackHub();
        using var cache = new TemporaryDirectory();

        var (code, output) = Run(hub, cache, "owner/missing");

        Assert.AreEqual(1, code);
        Assert.Contains("owner/missing", JsonDocument.Parse(output).RootElement.GetProperty("error").GetString()!);
    }

    private static (int Code, string Output) Run(LoopbackHub hub, TemporaryDirectory cache, string name)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ptuning.dll"), "download", name, "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        (start.Environment["HF_ENDPOINT"], start.Environment["HF_HOME"]) = (hub.Endpoint.ToString().TrimEnd('/'), cache.Path);
        foreach (var variable in (string[])["HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"])
            start.Environment.Remove(variable);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + (process.ExitCode is 0 or 1 ? "" : errors.Result));
    }
}
