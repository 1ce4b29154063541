using Microsoft.Extensions.Hosting;

namespace Microsoft.ML.PTuning.Serving.Hosting;

/// <summary>The folder of the models.</summary>
internal static class ModelsDirectory
{
    /// <returns>Its full path.</returns>
    public static string Of(PTuningModelsOptions options, IHostEnvironment environment) =>
        Path.GetFullPath(options.ModelsDirectory, environment.ContentRootPath);
}
