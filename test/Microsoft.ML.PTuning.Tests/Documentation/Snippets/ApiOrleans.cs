using Microsoft.ML;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Orleans;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>XML docs and docs/clusters.md: silos and clients.</summary>
internal static class ApiOrleans
{
    public static void Silo(ISiloBuilder siloBuilder)
    {
        siloBuilder.AddPTuning(options => (options.ModelsDirectory, options.JobsDirectory) = ("/data/models", "/data/jobs"));
    }

    public static void ConfiguredSilo(ISiloBuilder siloBuilder)
    {
        siloBuilder.AddPTuning();
    }

    public static void Sweep(ISiloBuilder siloBuilder, MLContext mlContext, IDataView tickets)
    {
        siloBuilder.AddPTuningSweep("tickets", services => new SweepRows<PTuningV2Trainer.MulticlassOptions>(TicketSweep.Create(mlContext), tickets));
    }

    public static object Rows(MLContext mlContext, IDataView tickets)
    {
        var rows = new SweepRows<PTuningV2Trainer.MulticlassOptions>(TicketSweep.Create(mlContext), tickets);
        return rows;
    }

    public static void Client(IClientBuilder clientBuilder)
    {
        clientBuilder.AddPTuning();
    }

    public static void SpreadingClient(IClientBuilder clientBuilder)
    {
        clientBuilder.AddPTuning(new PTuningClusterOptions { MaxReplicas = 8 });
    }

    public static ScoringJob Job()
    {
        var job = new ScoringJob
        {
            Model = "queue",
            Inputs = ["/data/tickets-2025.parquet", "/data/tickets-2026.parquet"],
            OutputDirectory = "/data/routed",
            MergedFile = "/data/routed.parquet",
        };
        return job;
    }

    public static async Task Start(IBulkScoring scoring)
    {
        string id = await scoring.StartAsync(new() { Model = "queue", Inputs = ["/data/tickets.csv"], OutputDirectory = "/data/routed" });
        ScoringProgress progress = await scoring.GetProgressAsync(id);
        Console.WriteLine($"{progress.State}: {progress.RowsDone} of {progress.Rows} rows, {progress.BrokenRows} of them broken");
        await scoring.PauseAsync(id);
        await scoring.ResumeAsync(id);
        var done = await scoring.WaitAsync(id, new Progress<ScoringProgress>(p => Console.WriteLine($"{p.RowsDone} of {p.Rows} rows")));
        await scoring.CancelAsync(id);
    }

    public static async Task RunSweep(IClusterSweeps sweeps)
    {
        var result = await sweeps.RunAsync("tickets", TicketSweep.Create(new MLContext(seed: 1)));
        Console.WriteLine(result.Best);
    }
}

/// <summary>The code of a sweep, which silos and callers share.</summary>
internal static class TicketSweep
{
    public static PTuningSweep<PTuningV2Trainer.MulticlassOptions> Create(MLContext mlContext) => new PTuningSweep<PTuningV2Trainer.MulticlassOptions>(
        mlContext,
        new() { Sentence1ColumnName = "Text", Seed = 1 },
        scored => mlContext.MulticlassClassification.Evaluate(scored).MacroAccuracy)
    {
        ResultsFile = "tickets.trials.jsonl",
    }.Vary(options => options.LearningRate).Vary(options => options.PrefixLength, 10, 20, 40);
}
