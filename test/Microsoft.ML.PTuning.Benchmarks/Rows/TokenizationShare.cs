using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>What part of the time of Transform its rows' tokenizing would take by itself, on all cores as there.</summary>
internal sealed class TokenizationShare : IBenchmark
{
    private const int RowCount = 10_000;
    private const double MeanWords = 12;

    public string Name => "tokenization-share";

    public string Comparison => $"the time to tokenize {RowCount:N0} rows by the time to Transform them";

    public RatioKind Kind => RatioKind.Share;

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var model = new UntrainedModel();
        using var transformer = model.ToTransformer();
        var rows = TextRows.Sst2(RowCount, MeanWords);
        var data = context.Data.LoadFromEnumerable(rows);
        return PairedMeasurement.Measure(
            () => model.Encode(rows),
            () =>
            {
                foreach (var _ in transformer.Transform(data).GetColumn<float>("Score"))
                {
                }
            });
    }
}
