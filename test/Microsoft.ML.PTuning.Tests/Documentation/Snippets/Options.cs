namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/options.md, docs/methods.md, docs/long-trainings.md.</summary>
internal static class Options
{
    public static PTuningV2Trainer.MulticlassOptions Advanced() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", PrefixLayers = 3, Advanced = { Shards = 2, TrunkCacheMemoryMegabytes = 4096 } }
        ;

    public static PTuningV2Trainer.MulticlassOptions Method() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Method = new LowRankAdaptation { Rank = 8 } }
        ;

    public static PTuningV2Trainer.MulticlassOptions Intervals() => new()
    {
        Advanced = { CheckpointSteps = 500, CheckpointEpochs = 0, CheckpointMinutes = 0, CheckpointsKept = 3 }
    };

    public static void LongTraining(MLContext mlContext, IDataView tickets)
    {
        var options = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", CheckpointDirectory = "checkpoints/tickets", Seed = 1 };
        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(tickets);
    }
}
