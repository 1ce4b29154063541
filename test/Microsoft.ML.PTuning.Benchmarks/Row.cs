using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>A measured benchmark, as the table and the JSON file have it.</summary>
internal sealed record Row(string Name, RatioKind Kind, int Threads, double Ratio, double Low, double High, string? Note)
{
    public const string Header = "benchmark                              kind      threads    ratio      low     high   medians";

    public static Row Of(IBenchmark benchmark, int threads, Ratio measured) =>
        new(benchmark.Name, benchmark.Kind, threads, measured.Median, measured.Low, measured.High, measured.Note);

    public override string ToString() =>
        FormattableString.Invariant($"{Name,-38} {KindName(Kind),-9} {Threads,7} {Ratio,8:F3} {Low,8:F3} {High,8:F3}   {Note}").TrimEnd();

    /// <summary>As table and file spell it: <c>speed-up</c>.</summary>
    public static string KindName(RatioKind kind) => JsonNamingPolicy.KebabCaseLower.ConvertName($"{kind}");

    public static void Write(IReadOnlyList<Row> rows, FileInfo file) =>
        File.WriteAllText(file.FullName, JsonSerializer.Serialize(rows, JsonOptions) + Environment.NewLine);

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };
}
