using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Training on batches planned by length against padding every row to <c>MaxLength</c>, as the official scripts do.</summary>
/// <remarks>The whole of Fit: tokenising, one epoch, the model.</remarks>
internal sealed class PlannedVersusPaddedTraining : IBenchmark
{
    private const int Rows = 1000;

    public string Name => "planned-vs-padded-training";

    public string Comparison => "Fit of the default encoder, batches planned by length, against Fit with PadToMaxLength";

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        var data = context.Data.LoadFromEnumerable(TextRows.Sst2(Rows));
        return PairedMeasurement.Measure(() => Train(padded: true), () => Train(padded: false));

        void Train(bool padded) => context.BinaryClassification.Trainers
            .PTuningV2(new PTuningV2Trainer.BinaryOptions { MaxLength = 128, MaxEpochs = 1, Advanced = { PadToMaxLength = padded, Shards = threads } })
            .Fit(data)
            .Dispose();
    }
}
