using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Transform over texts against ONNX Runtime, which runs the same encoder's file over the same rows.</summary>
/// <remarks>
/// ONNX Runtime's rows are tokenized, planned and padded before, and it gives hidden states: no prefix, no pooling, no head. Transform does all of that
/// in its time. ONNX Runtime spreads each batch over the threads; its batches have as many tokens as suit it best: with 1,024 it was a quarter to a third
/// faster than with 256, and no slower than with 4,096.
/// </remarks>
/// <param name="method">This library's; null for a deep prefix.</param>
/// <param name="precision">This library's.</param>
/// <param name="quantized">Whether ONNX Runtime's weights are int8.</param>
internal sealed class OnnxScoring(string name, BackbonePrecision precision, TuningMethod? method = null, bool quantized = false) : IBenchmark
{
    private const int RowCount = 2000, BatchTokens = 1024;
    private const double LeastLikeness = 0.9; // Far below what rounding to int8 costs, far above what wrong scales give.

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OnnxScoring("onnx-scoring", BackbonePrecision.Float32),
        new OnnxScoring("onnx-scoring-auto", BackbonePrecision.Auto),
        new OnnxScoring("onnx-scoring-head-alone", BackbonePrecision.Float32, new LinearProbe()),
        new OnnxScoring("onnx-scoring-int8", BackbonePrecision.Auto, quantized: true),
    ];

    public string Name => name;

    public string Comparison =>
        $"Transform over {RowCount:N0} texts of AG News, {(method is null ? "a prefix" : "the head alone")} in {precision}, against ONNX Runtime's "
        + $"forwards of {(quantized ? "int8" : "F32")} without prefix and head";

    public string? Obstacle => DataFile.AgNews.Obstacle;

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var model = new UntrainedModel(encoder: null, method: method, precision: precision);
        using var transformer = model.ToTransformer();
        using var onnx = new OnnxEncoder(threads, quantized);
        var rows = TextRows.AgNews(RowCount);
        var data = context.Data.LoadFromEnumerable(rows);
        var encoded = model.Encode(rows);
        var batches = OnnxEncoder.Plan(encoded, model.PadId, BatchTokens);
        try
        {
            var ratio = PairedMeasurement.Rates(RowCount, Transform, () => RunAll(onnx, batches));
            var likeness = quantized
                ? FormattableString.Invariant($"; cosine of int8's embeddings and F32's: {LikenessToExact(onnx, batches[0], threads):F3}")
                : "";
            return ratio with
            {
                Note = FormattableString.Invariant($"{ratio.Note}; {encoded.Average(row => row.Length):F1} tokens a row, {model.Precision} against ")
                    + FormattableString.Invariant($"batches of {BatchTokens} tokens{likeness}"),
            };
        }
        finally
        {
            foreach (var batch in batches)
                batch.Dispose();
        }

        void Transform()
        {
            foreach (var _ in transformer.Transform(data).GetColumn<float>("Score"))
            {
            }
        }
    }

    private static void RunAll(OnnxEncoder onnx, IReadOnlyList<OnnxBatch> batches)
    {
        foreach (var batch in batches)
            onnx.Run(batch);
    }

    /// <returns>The cosine of the angle between the embeddings that both files give for a text, the mean over a batch.</returns>
    /// <exception cref="InvalidOperationException">The int8 file computes something else.</exception>
    private static double LikenessToExact(OnnxEncoder onnx, OnnxBatch batch, int threads)
    {
        using var exact = new OnnxEncoder(threads, quantized: false);
        var likeness = onnx.Embed(batch).Zip(exact.Embed(batch), (own, expected) =>
            Product(own, expected) / Math.Sqrt(Product(own, own) * Product(expected, expected))).Average();
        return likeness >= LeastLikeness
            ? likeness
            : throw new InvalidOperationException($"Expected embeddings of int8 near those of F32, found a mean cosine of {likeness}.");

        static double Product(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
    }
}
