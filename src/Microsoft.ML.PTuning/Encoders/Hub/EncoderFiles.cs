using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>Which files of a repository an encoder is read from: configuration, tokenizer, pooling, and the weights in the preferred format.</summary>
internal static class EncoderFiles
{
    /// <summary>The format that the weights are read from; null where there are none.</summary>
    /// <param name="has">Whether the repository has a file.</param>
    public static CheckpointFormat? FormatOf(Func<string, bool> has) => CheckpointFormats.All.FirstOrDefault(format => has(format.FileName));

    /// <summary>Those that are known before any is read.</summary>
    /// <inheritdoc cref="FormatOf" path="/param"/>
    public static IEnumerable<string> KnownFirst(Func<string, bool> has)
    {
        yield return BackboneConfiguration.FileName;
        foreach (var name in TokenizerFiles.ReadFrom(has))
            yield return name;
        if (has(SentenceModules.FileName))
            yield return SentenceModules.FileName;
        if (FormatOf(has) is { } format)
            yield return format.FileName;
    }

    /// <summary>All of them, the weights last. Some name others, so each must be in the folder before the next is asked for.</summary>
    /// <param name="folder">Where they are put.</param>
    /// <inheritdoc cref="FormatOf" path="/param"/>
    public static IEnumerable<string> Of(string folder, Func<string, bool> has)
    {
        foreach (var name in KnownFirst(has))
        {
            yield return name;
            if (name == SentenceModules.FileName && SentenceModules.PoolingFile(folder) is { } pooling && has(pooling))
                yield return pooling;
        }

        if (FormatOf(has) is not { } format)
            yield break;
        var below = format.FileName[..(format.FileName.LastIndexOf('/') + 1)];
        foreach (var other in format.Others(Path.Combine(folder, format.FileName)))
            yield return below + other;
    }
}
