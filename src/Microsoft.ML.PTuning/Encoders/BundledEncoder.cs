namespace Microsoft.ML.PTuning.Encoders;

/// <summary>An encoder that a package of this project copies beside the application, in <c>backbones/NAME</c>.</summary>
internal sealed record BundledEncoder(string Name, string Package)
{
    /// <summary>The first that is deployed is the default encoder.</summary>
    public static IReadOnlyList<BundledEncoder> All { get; } =
    [
        new("all-MiniLM-L6-v2", "Microsoft.ML.PTuning.Backbone.MiniLM"),
        new("mini-cased", "Microsoft.ML.PTuning.Backbone.Mini"),
    ];

    /// <summary>The package of an encoder; for an unknown name, that of the default encoder.</summary>
    public static string PackageOf(string name) => (All.FirstOrDefault(encoder => encoder.Name == name) ?? All[0]).Package;

    public string DirectoryIn(string baseDirectory) => Path.Combine(baseDirectory, "backbones", Name);
}
