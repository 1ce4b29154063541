namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/multi-task.md.</summary>
internal static class MultiTask
{
    public static void SharedPrefix(MLContext mlContext, IDataView keyedTickets, IDataView urgentTickets)
    {
        var models = new PTuningV2MultiTaskTrainer(mlContext, new() { MaxEpochs = 10, ContinuationEpochs = 5 })
            .Fit(new Dictionary<string, PTuningV2MultiTaskData>
            {
                ["queue"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text" }, keyedTickets), // Label: a key
                ["urgent"] = new(new PTuningV2Trainer.BinaryOptions { Sentence1ColumnName = "Text" }, urgentTickets),   // Label: Boolean
            });
        foreach (var model in models.Values)
            model.Dispose();
    }
}
