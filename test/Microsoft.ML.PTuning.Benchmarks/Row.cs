using System.Text.Json;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>A measured benchmark, as the table and the JSON file have it.</summary>
internal sealed record Row(string Name, int Threads, double Ratio, double Low, double High)
{
    public const string Header = "benchmark                              threads    ratio      low     high";

    public override string ToString() => FormattableString.Invariant($"{Name,-38} {Threads,7} {Ratio,8:F2} {Low,8:F2} {High,8:F2}");

    public static void Write(IReadOnlyList<Row> rows, FileInfo file) =>
        File.WriteAllText(file.FullName, JsonSerializer.Serialize(rows, JsonOptions) + Environment.NewLine);

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web) { WriteIndented = true };
}
