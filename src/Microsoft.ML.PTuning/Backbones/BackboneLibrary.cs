using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>A share of an encoder, and what a saved model remembers of it.</summary>
internal sealed record OpenBackbone(BackboneLease Lease, BackboneReference Reference)
{
    /// <summary>As its files are now; they may be gone when training ends.</summary>
    public BackboneDescription Description { get; } = new(Lease, Reference);
}

/// <summary>Finds encoders on this machine and shares them within the process.</summary>
internal static class BackboneLibrary
{
    private static readonly BackboneStore Store = new(Load);

    /// <summary>Opens the encoder that a user names.</summary>
    /// <param name="name">A folder, a hub id, or null for the default encoder.</param>
    /// <exception cref="DirectoryNotFoundException">There is none such on this machine.</exception>
    public static OpenBackbone Open(string? name, Device device)
    {
        var location = Locator().Resolve(name);
        var lease = Store.Acquire(location.Directory, device);
        try
        {
            var reference = BackboneReference.Of(location, lease.Backbone.Configuration, [Backbone.WeightsFile], lease.Tokenizer.Files, Fingerprint.Shared);
            return new OpenBackbone(lease, reference);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Opens the encoder that a saved model was trained on.</summary>
    /// <param name="option">The value of <see cref="BackboneLocator.DirectoryOption"/>; null where it is not set.</param>
    /// <exception cref="DirectoryNotFoundException">No folder holds it.</exception>
    public static OpenBackbone Open(BackboneReference reference, string? option, Device device) =>
        new(Store.Acquire(Locator().Find(reference, option).Directory, device), reference);

    private static BackboneLocator Locator() => new(BackbonePlaces.OfProcess(), BackboneConfiguration.Read, Fingerprint.Shared);

    private static LoadedBackbone Load(string directory, Device device)
    {
        var backbone = Backbone.Load(directory, device);
        try
        {
            return new LoadedBackbone(backbone, TextTokenizer.Load(directory, backbone.Configuration.ModelType));
        }
        catch
        {
            backbone.Dispose();
            throw;
        }
    }
}
