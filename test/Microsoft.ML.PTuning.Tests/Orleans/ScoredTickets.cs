using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tests.Examples;
using Parquet;
using Parquet.Serialization;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>A saved model of tickets, files of tickets, and what <c>Transform</c> makes of them.</summary>
internal sealed class ScoredTickets : IDisposable
{
    public const string Model = "queue";

    private readonly TinyEncoder _encoder = new();
    private readonly string? _backbone;
    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _mlContext = new(1);

    /// <param name="backbone">The encoder's folder; null for a tiny encoder.</param>
    public ScoredTickets(string? backbone = null)
    {
        _backbone = backbone;
        Directory.CreateDirectory(Options.ModelsDirectory);
        SaveModel(seed: 1);
    }

    public PTuningSiloOptions Options
    {
        get
        {
            var options = new PTuningSiloOptions();
            Configure(options);
            return options;
        }
    }

    public void Configure(PTuningSiloOptions options) =>
        (options.ModelsDirectory, options.JobsDirectory, options.PollInterval, options.SettleTime) =
            (PathOf("models"), PathOf("jobs"), TimeSpan.FromMilliseconds(200), TimeSpan.Zero);

    public SiloModels SiloModels(PTuningSiloOptions? options = null) => new(options ?? Options, new HostingEnvironment { ContentRootPath = _folder.Path });

    public string PathOf(string name) => Path.Combine(_folder.Path, name);

    public void SaveModel(int seed, string name = Model)
    {
        var options = _encoder.Options();
        options.Seed = seed;
        options.Backbone = _backbone ?? options.Backbone;
        var rows = _mlContext.Data.LoadFromEnumerable(Texts(40));
        var pipeline = _mlContext.Transforms.Conversion.MapValueToKey("Label", "Topic")
            .Append(_mlContext.MulticlassClassification.Trainers.PTuningV2(options))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        _mlContext.Model.Save(pipeline.Fit(rows), rows.Schema, PathOf($"models/{name}.zip"));
    }

    /// <summary>Writes tickets to a file of the format that its name ends in.</summary>
    public string Write(string name, int count, int first = 0)
    {
        var path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var tickets = Texts(first + count).Skip(first).ToList();
        if (name.EndsWith(".parquet", StringComparison.Ordinal))
        {
            using var file = File.Create(path);
            ParquetSerializer.SerializeAsync(tickets, file, new ParquetOptions { RowGroupSize = 70 }).GetAwaiter().GetResult();
        }
        else if (name.EndsWith(".csv", StringComparison.Ordinal))
        {
            File.WriteAllLines(path, [nameof(TicketText.Number) + ",Text", .. tickets.Select(ticket => $"{ticket.Number},\"{ticket.Text}\"")]);
        }
        else
        {
            File.WriteAllLines(path, tickets.Select(ticket => JsonSerializer.Serialize(new { ticket.Number, ticket.Text })));
        }

        return path;
    }

    public ScoringJob Job(string input, string output, int rowsPerRange = 50) => new()
    {
        Model = Model,
        Inputs = [input],
        OutputDirectory = PathOf(output),
        MergedFile = PathOf($"merged/{output}{Path.GetExtension(input)}"),
        RowsPerRange = rowsPerRange,
    };

    /// <summary>That a file has every ticket once, in order, with the scores of <c>Transform</c> but for the last digits.</summary>
    public void AssertScored(string path, int count)
    {
        var model = _mlContext.Model.Load(PathOf($"models/{Model}.zip"), out _);
        var scored = model.Transform(_mlContext.Data.LoadFromEnumerable(Texts(count)));
        var expected = scored.GetColumn<float[]>("Score").ToList();
        var labels = scored.GetColumn<string>("PredictedLabel").ToList();
        VBuffer<ReadOnlyMemory<char>> slots = default;
        scored.Schema["Score"].GetSlotNames(ref slots);
        var classes = slots.DenseValues().Select(name => name.ToString()).ToList();

        var table = new DataFile(path, new ReadingOptions { KeepsSource = true }).ReadAll();
        Assert.HasCount(count, table.Rows);
        for (var i = 0; i < count; i++)
        {
            var row = table.Rows[i];
            Assert.AreEqual(i.ToString(CultureInfo.InvariantCulture), row.Text(table.IndexOf("Number")));
            Assert.AreEqual(labels[i], row.Text(table.IndexOf("PredictedLabel")));
            var scores = row.Json is null
                ? classes.Select(name => float.Parse(row.Text(table.IndexOf($"Score.{name}")), CultureInfo.InvariantCulture))
                : classes.Select(name => JsonDocument.Parse(row.Json).RootElement.GetProperty("Score").GetProperty(name).GetSingle());
            foreach (var (score, exact) in scores.Zip(expected[i]))
                Assert.AreEqual(exact, score, 1e-5f * (1 + Math.Abs(exact)));
        }
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _folder.Dispose();
    }

    private static IEnumerable<TicketText> Texts(int count) =>
        Tickets.Rows(count).Select(ticket => new TicketText { Number = ticket.Number, Text = ticket.Text, Topic = ticket.Topic });
}

/// <summary>The columns of a ticket that files can have.</summary>
internal sealed class TicketText
{
    public int Number { get; set; }

    public string Text { get; set; } = "";

    public string Topic { get; set; } = "";
}
