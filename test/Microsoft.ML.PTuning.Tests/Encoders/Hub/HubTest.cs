using Microsoft.ML.PTuning.Encoders.Hub;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>Tests of downloads from a hub on this machine.</summary>
public abstract class HubTest
{
    private protected const int Half = 500_000;

    private protected LoopbackHub Hub { get; } = new();

    private protected byte[] Weights => Hub.Files["model.safetensors"];

    private protected string Blob => Path.Combine(Hub.ModelFolder, "blobs", LoopbackHub.Etag(Weights));

    private protected string Incomplete => Blob + ".incomplete";

    [TestCleanup]
    public void Delete() => Hub.Dispose();

    private protected HttpRequestException Refusal(string address = LoopbackHub.Address, HubSettings? settings = null) =>
        Assert.ThrowsExactly<HttpRequestException>(() => Hub.Download(address, settings));

    private protected string Foreign(string address = LoopbackHub.Address) =>
        Assert.ThrowsExactly<InvalidDataException>(() => Hub.Download(address)).Message;

    /// <summary>A download of which half of the weights is there.</summary>
    private protected void Interrupt()
    {
        Hub.Download();
        File.WriteAllBytes(Incomplete, Weights[..Half]);
        File.Delete(Blob);
    }

    private protected void AssertWhole(string folder)
    {
        foreach (var file in Directory.GetFiles(folder))
            CollectionAssert.AreEqual(Hub.Files[Path.GetFileName(file)], File.ReadAllBytes(file));
        Assert.IsTrue(File.Exists(Path.Combine(folder, "model.safetensors")));
        Assert.IsFalse(File.Exists(Incomplete));
    }
}
