using Microsoft.ML.PTuning.Sweeps;
using Options = Microsoft.ML.PTuning.PTuningV2Trainer.MulticlassOptions;

namespace Microsoft.ML.PTuning.Tests.Sweeps;

/// <summary>A trial of the results file is found by its options.</summary>
[TestClass]
public sealed class OptionsRecordTests
{
    [TestMethod]
    public void Options_that_train_otherwise_have_other_records()
    {
        string[] first = [.. Different().Select(Record)], again = [.. Different().Select(Record)];

        CollectionAssert.AllItemsAreUnique(first);
        CollectionAssert.AreEqual(first, again);
    }

    [TestMethod]
    public void Ways_of_writing_have_other_records()
    {
        GenerationSettings[] ways = [new(), new() { MaxNewTokens = 40 }, new() { Beams = 4 }, new() { StopTexts = ["."] }];

        CollectionAssert.AllItemsAreUnique(
            ways.Select(way => OptionsRecord.Of(new PTuningV2Trainer.TextGenerationOptions { Generation = way }).ToJsonString()).ToArray());
        CollectionAssert.AreEqual(new[] { "defaults", "MaxNewTokens 40", "Beams 4", "StopText '.'" }, ways.Select(way => way.ToString()).ToArray());
    }

    private static string Record(Options options) => OptionsRecord.Of(options).ToJsonString();

    private static Options[] Different() =>
    [
        new(),
        new() { PrefixLength = 5 },
        new() { PrefixLayers = 3 },
        new() { PrefixLayers = LayerSelection.Bottom(3) },
        new() { PrefixLayers = LayerSelection.Of(0, 2, 5) },
        new() { Method = new BitFit() },
        new() { Method = new LowRankAdaptation { Rank = 4 } },
        new() { Method = new LowRankAdaptation { Rank = 4, Targets = LowRankTargets.All } },
        new() { Method = new PromptTuning { Start = PromptStart.ClassNames } },
        new() { Pattern = "{text} {mask}", Verbalizer = new() { ["yes"] = ["good"], ["no"] = ["bad"] } },
        new() { Pattern = "{text} {mask}", Verbalizer = new() { ["yes"] = ["great"], ["no"] = ["bad"] } },
    ];
}
