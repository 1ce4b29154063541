namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>A training of a moment that writes checkpoints, and goes on from them.</summary>
internal static class CheckpointedTraining
{
    public const string EncoderFolder = "encoder", CheckpointsFolder = "checkpoints";

    /// <summary>Goes on from the checkpoints in a folder; one that is passed over is a refusal.</summary>
    public static void Load(string folder, string variant)
    {
        var log = new List<string>();
        Run(folder, log);
        if (log.Find(line => line.Contains("The checkpoint is passed over", StringComparison.Ordinal)) is { } refusal)
            throw new InvalidDataException(refusal);
    }

    /// <param name="stop">Is called after every step, with its number; null for nothing.</param>
    public static void Run(string folder, List<string> log, Action<int>? stop = null, CancellationToken cancellation = default)
    {
        var context = new MLContext(1);
        context.Log += (_, message) => log.Add(message.Message);
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Backbone = Path.Combine(folder, EncoderFolder),
            Sentence1ColumnName = nameof(Row.Text),
            PrefixLength = 2,
            MaxLength = 8,
            BatchSize = 4,
            MaxEpochs = 2,
            MaxRescues = 1,
            Seed = 1,
            CheckpointDirectory = Path.Combine(folder, CheckpointsFolder),
            CancellationToken = cancellation,
            Progress = new Steps(stop),
            Advanced = { Shards = 1, CheckpointSteps = 3, CheckpointsKept = 1 },
        };
        Row[] rows = [.. Enumerable.Range(0, 12).Select(i => new Row { Text = i % 2 == 0 ? "the card is late" : "my box was paid", Label = $"{i % 2}" })];
        var data = context.Data.LoadFromEnumerable(rows);
        var keyed = context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        context.MulticlassClassification.Trainers.PTuningV2(options).Fit(keyed).Dispose();
    }

    private sealed class Row
    {
        public string Text { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class Steps(Action<int>? action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action?.Invoke(value.Step);
    }
}
