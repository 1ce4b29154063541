using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>
/// A training whose shards a silo on loopback computes, against the same training in one process. Both compute on all cores, so what the silo takes
/// longer is what the network costs: the prefix and the rows to it, the gradients back.
/// </summary>
/// <param name="batchSize">Rows per step.</param>
internal sealed class SpreadTraining(string name, int batchSize) : IBenchmark
{
    private const int Steps = 8, MeanWords = 40;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new SpreadTraining("spread-training-32", batchSize: 32),
        new SpreadTraining("spread-training-128", batchSize: 128),
    ];

    public string Name => name;

    public RatioKind Kind => RatioKind.Time;

    public string Comparison =>
        $"{Steps} steps of {batchSize} rows over the default encoder, their shards computed by a silo on loopback, against one process; medians per step";

    public Ratio Measure(int threads)
    {
        using var silo = StartSilo();
        using var client = StartClient();
        var context = new MLContext(seed: 1);
        var rows = context.Data.LoadFromEnumerable(TextRows.Random(Steps * batchSize, MeanWords));
        var computer = client.Services.GetRequiredService<IShardComputer>();
        Fit(null);
        Fit(computer); // The silo has its encoder now.
        return PairedMeasurement.Compare(() => Fit(computer), () => Fit(null), "s");

        // What is read and planned before the first step costs both the same.
        double Fit(IShardComputer? shards) => PairedMeasurement.Seconds(() =>
        {
            using var model = context.BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions
            {
                Sentence1ColumnName = nameof(TextRow.Sentence1),
                BatchSize = batchSize,
                MaxEpochs = 1,
                Advanced = { Shards = threads, ShardComputer = shards },
            }).Fit(rows);
        }) / Steps;
    }

    private static IHost StartSilo()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering()
            .UseInMemoryReminderService()
            .AddPTuning(options => options.ModelsDirectory = AppContext.BaseDirectory));
        return Start(builder);
    }

    private static IHost StartClient()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseLocalhostClustering().AddPTuning());
        return Start(builder);
    }

    private static IHost Start(HostApplicationBuilder builder)
    {
        var host = builder.Build();
        host.Start();
        return host;
    }
}
