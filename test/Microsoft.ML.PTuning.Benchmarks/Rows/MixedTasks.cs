using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Scoring;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Batches whose rows are all of different models against the same batches of one model.</summary>
internal sealed class MixedTasks : IBenchmark
{
    private const int Models = 64, BatchSize = 32, Batches = 16;

    public string Name => "mixed-tasks-vs-one-task";

    public string Comparison =>
        $"forwards over batches of {BatchSize} rows, each row of another model out of {Models}, against the same rows of one model";

    public Ratio Measure(int threads)
    {
        using var first = new UntrainedModel();
        PTuningV2Transformer[] models = [.. Enumerable.Range(0, Models).Select(_ => first.ToTransformer())];
        try
        {
            var rows = TokenRows.Lognormal(BatchSize * Batches, first.Backbone.Configuration.VocabularySize).Select(row => row.Parts[0]);
            var batches = rows.OrderByDescending(part => part.Length).Chunk(BatchSize).ToArray();
            var mixed = batches.Select((batch, number) =>
                batch.Select((part, row) => new ModelPart(models[(number + row) % Models].Model, part)).ToArray());
            var single = batches.Select(batch => Array.ConvertAll(batch, part => new ModelPart(models[0].Model, part)));
            return PairedMeasurement.Measure(Forwards([.. single]), Forwards([.. mixed]));
        }
        finally
        {
            Array.ForEach(models, model => model.Dispose());
        }
    }

    private static Action Forwards(ModelPart[][] batches) => () => WorkerThreads.Shared.Run(batches.Length, i => MixedBatch.Run(batches[i]));
}
