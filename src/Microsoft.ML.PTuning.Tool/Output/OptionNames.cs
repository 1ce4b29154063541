using System.Text.RegularExpressions;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Names the library's options in its messages as the command line does.</summary>
internal static partial class OptionNames
{
    private static readonly Dictionary<string, string> s_names = new()
    {
        ["MaxEpochs"] = "--epochs",
        ["LearningRate"] = "--learning-rate",
        ["PrefixLength"] = "--prefix-length",
        ["BatchSize"] = "--batch-size",
        ["MaxLength"] = "--max-length",
        ["MaxRescues"] = "--rescues",
        ["GpuDeviceId"] = "--gpu",
        ["CheckpointDirectory"] = "--checkpoints",
        ["Backbone"] = "--backbone",
        ["Pooling"] = "--pooling",
    };

    public static string OnCommandLine(string message) => Option().Replace(Parameter().Replace(message, ""), match => s_names.GetValueOrDefault(match.Value, match.Value));

    [GeneratedRegex(@"(?<![\w.'])(MaxEpochs|LearningRate|PrefixLength|BatchSize|MaxLength|MaxRescues|GpuDeviceId|CheckpointDirectory|Backbone|Pooling)(?![\w.'])")]
    private static partial Regex Option();

    // Of the library's method, which the command line does not show.
    [GeneratedRegex(@" \(Parameter '[^']*'\)$")]
    private static partial Regex Parameter();
}
