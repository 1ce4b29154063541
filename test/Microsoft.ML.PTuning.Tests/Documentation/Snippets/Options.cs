namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/options.md, docs/methods.md.</summary>
internal static class Options
{
    public static PTuningV2Trainer.MulticlassOptions Advanced() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", PrefixLayers = 3, Advanced = { Shards = 2, TrunkCacheMemoryMegabytes = 4096 } }
        ;

    public static PTuningV2Trainer.MulticlassOptions Method() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Method = new LowRankAdaptation { Rank = 8 } }
        ;
}
