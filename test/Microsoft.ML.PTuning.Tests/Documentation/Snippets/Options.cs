namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/options.md.</summary>
internal static class Options
{
    public static PTuningV2Trainer.MulticlassOptions Advanced() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", PrefixLayers = 3, Advanced = { Shards = 2, TrunkCacheMemoryMegabytes = 4096 } }
        ;
}
