using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Encoders.Hub;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>A share of an encoder, and the reference to it that a saved model holds.</summary>
internal sealed record OpenBackbone(BackboneLease Lease, BackboneReference Reference)
{
    /// <summary>A description of its files now; they may be gone when training ends.</summary>
    public BackboneDescription Description { get; } = new(Lease, Reference);
}

/// <summary>Finds encoders on this machine and shares them within the process.</summary>
internal static class BackboneLibrary
{
    private static readonly BackboneStore Store = new(Load);

    /// <summary>Opens the encoder that a user names.</summary>
    /// <param name="name">A bundled encoder's name, a folder, a hub id, a hub id behind <c>hf://</c>, or null for the default encoder.</param>
    /// <param name="withLanguageHead">Whether the head of its language model is needed.</param>
    /// <param name="observer">Is told of a download.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such encoder on this machine.</exception>
    /// <exception cref="HttpRequestException">It cannot be downloaded.</exception>
    /// <exception cref="InvalidDataException">Its files are damaged, or hold no such head.</exception>
    public static OpenBackbone Open(
        string? name, Device device, BackbonePrecision precision = BackbonePrecision.Float32, bool withLanguageHead = false, DownloadObserver? observer = null)
    {
        var location = Locator(observer ?? DownloadObserver.None).Resolve(name);
        var lease = Store.Acquire(location.Directory, device, precision, withLanguageHead);
        try
        {
            var weights = CheckpointFiles.Find(location.Directory).Names;
            var reference = BackboneReference.Of(location, lease.Backbone.Configuration, weights, lease.Tokenizer.Files, Fingerprint.Shared);
            return new OpenBackbone(lease, reference);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Finds the encoder that a saved model was trained on; no tensor is touched.</summary>
    /// <param name="option">The value of <see cref="Interop.HostEnvironment.DirectoryOption"/>; null where it is not set.</param>
    /// <exception cref="DirectoryNotFoundException">No folder holds it.</exception>
    public static BackboneLocation Find(BackboneReference reference, string? option) => Locator(DownloadObserver.None).Find(reference, option);

    /// <summary>Downloads an encoder of the hub into its cache, unless it is there.</summary>
    /// <returns>Its folder, whose last part is the commit.</returns>
    /// <inheritdoc cref="HubDownload.RunAsync" path="/exception"/>
    public static Task<string> DownloadAsync(HubName hub, DownloadObserver observer) => // Not on the caller's thread: hashes are computed.
        Task.Run(() => new HubDownload(BackbonePlaces.OfProcess().Hub, HubSettings.OfProcess(), observer).RunAsync(hub), observer.CancellationToken);

    /// <summary>Opens the encoder that <see cref="Find"/> found.</summary>
    /// <param name="withLanguageHead">Whether the head of its language model is needed.</param>
    public static OpenBackbone Open(
        BackboneLocation location, BackboneReference reference, Device device, BackbonePrecision precision, bool withLanguageHead) =>
        new(Store.Acquire(location.Directory, device, precision, withLanguageHead), reference);

    private static BackboneLocator Locator(DownloadObserver observer) => new(
        BackbonePlaces.OfProcess(), BackboneConfiguration.Read, Fingerprint.Shared, hub => DownloadAsync(hub, observer).GetAwaiter().GetResult());

    private static LoadedBackbone Load(string directory, Device device, BackbonePrecision precision)
    {
        var backbone = Backbone.Load(directory, device, precision);
        try
        {
            var tokenizer = TextTokenizer.Load(directory, backbone.Configuration.ModelType);
            RequireAgreement(directory, backbone, tokenizer);
            return new LoadedBackbone(backbone, tokenizer);
        }
        catch
        {
            backbone.Dispose();
            throw;
        }
    }

    // Ids beyond the embeddings would fail in the middle of a batch. A smaller vocabulary is usual: checkpoints pad their embeddings.
    // Padding is masked, so its id matters only where positions are counted from it; multilingual BERTs come with XLM-R's tokenizer.
    private static void RequireAgreement(string directory, Backbone backbone, TextTokenizer tokenizer)
    {
        var encoder = backbone.Configuration;
        var faults = new List<string>();
        if (tokenizer.VocabularySize > encoder.VocabularySize)
            faults.Add($"the tokenizer's ids go up to {tokenizer.VocabularySize - 1}, but config.json says vocab_size {encoder.VocabularySize}");
        if (encoder.StatesPadToken && backbone.CountsFromPadToken && tokenizer.PadId != encoder.PadTokenId)
            faults.Add($"the tokenizer's padding token has id {tokenizer.PadId}, but config.json says pad_token_id {encoder.PadTokenId}");

        if (faults.Count > 0)
            throw new InvalidDataException(
                $"'{directory}' holds an encoder and a tokenizer that do not belong together: {string.Join("; ", faults)}. "
                + "Fetch all files of one checkpoint into a folder of its own.");
    }
}
