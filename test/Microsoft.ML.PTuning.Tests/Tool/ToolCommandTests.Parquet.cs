using System.Text.Json;
using Parquet;
using Parquet.Serialization;

namespace Microsoft.ML.PTuning.Tests.Tool;

public sealed partial class ToolCommandTests
{
    [TestMethod]
    public void Columns_of_Parquet_keep_their_types_and_values()
    {
        var (_, model) = TrainTickets();
        ParquetTicket[] rows = [.. Enumerable.Range(0, 12).Select(ParquetTicket.Create)];
        var (data, output) = (_folder.File("rows.parquet"), _folder.File("predicted.parquet"));
        using (var stream = File.Create(data))
            ParquetSerializer.SerializeAsync(rows, stream, new ParquetOptions { RowGroupSize = 5 }).GetAwaiter().GetResult();

        ToolRun.Of("predict", model, data, "--output", output).Succeeded();

        var predicted = ParquetSerializer.DeserializeAsync<ParquetTicket>(output).GetAwaiter().GetResult().Data;
        CollectionAssert.AreEqual(rows.Select(ParquetTicket.Describe).ToArray(), predicted.Select(ParquetTicket.Describe).ToArray());
        var lines = ToolRun.Of("predict", model, data, "--only-predictions").Succeeded().Output.Trim().Split('\n');
        foreach (var (row, line) in predicted.Zip(lines))
            Assert.AreEqual(JsonDocument.Parse(line).RootElement.GetProperty("PredictedLabel").GetString(), row.PredictedLabel);
    }

    [TestMethod]
    public void Parquet_is_not_written_to_a_pipe()
    {
        var (data, model) = TrainTickets();

        var run = ToolRun.Of("predict", model, data, "--output-format", "parquet");

        Assert.AreEqual(1, run.Code);
        StringAssert.Contains(run.Error, "pipe");
    }

    private sealed class ParquetTicket
    {
        public string? Text { get; set; }

        public int Number { get; set; }

        public double? Hours { get; set; }

        public DateTime Day { get; set; }

        public List<string>? Tags { get; set; }

        public string? PredictedLabel { get; set; }

        public static ParquetTicket Create(int number) => new()
        {
            Text = Tickets.Create(number).Text,
            Number = number,
            Hours = number % 3 == 0 ? null : number / 7.0,
            Day = new DateTime(2026, 1, 1 + number),
            Tags = ["a", $"{number}"],
        };

        public static string Describe(ParquetTicket row) => JsonSerializer.Serialize(new { row.Text, row.Number, row.Hours, row.Day, row.Tags });
    }
}
