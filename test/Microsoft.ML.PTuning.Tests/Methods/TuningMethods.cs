using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>The methods that users choose, each with options of its own.</summary>
internal static class TuningMethods
{
    public static IReadOnlyDictionary<string, TuningMethod?> All { get; } = new Dictionary<string, TuningMethod?>
    {
        ["P-Tuning v2"] = null,
        ["P-Tuning v2 from words"] = new DeepPrefix { PrefixLength = 3, Start = PromptStart.FrequentWords },
        ["P-Tuning v2 from examples, with gates"] = new DeepPrefix { PrefixLength = 3, Start = PromptStart.Examples, Gate = true },
        ["linear probe"] = new LinearProbe(),
        ["prompt tuning"] = new PromptTuning { Length = 3 },
        ["prompt tuning, behind [CLS]"] = new PromptTuning { Length = 3, Placement = PromptPlacement.AfterFirstToken },
        ["prompt tuning from words"] = new PromptTuning { Length = 3, Start = PromptStart.FrequentWords },
        ["prompt tuning from classes"] = new PromptTuning { Length = 3, Start = PromptStart.ClassNames },
        ["prompt tuning from a text"] = new PromptTuning { Length = 3, Start = PromptStart.Text, StartText = "my report is late" },
        ["P-tuning v1, LSTM"] = new PTuningV1 { Length = 3 },
        ["P-tuning v1, MLP"] = new PTuningV1 { Length = 3, Network = PromptNetworkKind.Mlp },
        ["P-tuning v1, none"] = new PTuningV1 { Length = 3, Network = PromptNetworkKind.None },
        ["mixture"] = new SoftPromptMixture { Length = 2, Prompts = 2 },
        ["deep mixture by input"] = new SoftPromptMixture { Length = 2, Prompts = 3, Deep = true, WeightsByInput = true, Start = PromptStart.FrequentWords },
        ["AutoPrompt"] = new AutoPrompt { Length = 2, Candidates = 3 },
        ["BitFit"] = new BitFit(),
        ["LoRA"] = new LowRankAdaptation { Rank = 2 },
        ["fine-tuning"] = new FineTuning(),
    };

    public static IEnumerable<object[]> Names => All.Keys.Select(name => new object[] { name });
}
