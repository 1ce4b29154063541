using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>Writes epochs as columns of six-digit numbers, so that long trainings stay short in the file.</summary>
/// <remarks><c>{"metricName": "accuracy", "loss": [0.69, ...], "metric": [...]}</c></remarks>
internal sealed class EpochsConverter : JsonConverter<IReadOnlyList<EpochSummary>>
{
    public override IReadOnlyList<EpochSummary> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var columns = JsonSerializer.Deserialize<Columns>(ref reader, options)!;
        var count = columns.Loss.Length;
        double[]?[] others = [columns.Metric, columns.ValidationLoss, columns.ValidationMetric, columns.LearningRate];
        if (others.Any(column => column is not null && column.Length != count))
            throw new JsonException($"The columns of the epochs are not all {count} long.");

        return
        [
            .. Enumerable.Range(0, count).Select(i => new EpochSummary
            {
                Epoch = i + 1,
                Loss = columns.Loss[i],
                Metric = columns.Metric[i],
                ValidationLoss = columns.ValidationLoss?[i],
                ValidationMetric = columns.ValidationMetric?[i],
                LearningRate = columns.LearningRate?[i],
                MetricName = columns.MetricName,
            }),
        ];
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<EpochSummary> value, JsonSerializerOptions options)
    {
        var isValidated = value.Any(e => e.ValidationLoss is not null);
        var columns = new Columns(
            value.Count > 0 ? value[0].MetricName : "",
            Column(e => e.Loss),
            Column(e => e.Metric),
            isValidated ? Column(e => e.ValidationLoss!.Value) : null,
            isValidated ? Column(e => e.ValidationMetric!.Value) : null,
            value.All(e => e.LearningRate is not null) ? Column(e => e.LearningRate!.Value) : null);
        JsonSerializer.Serialize(writer, columns, options);

        double[] Column(Func<EpochSummary, double> select) => [.. value.Select(select).Select(Round)];
    }

    private static double Round(double number) =>
        double.Parse(number.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private sealed record Columns(
        string MetricName, double[] Loss, double[] Metric, double[]? ValidationLoss, double[]? ValidationMetric, double[]? LearningRate) : IJsonOnDeserialized
    {
        void IJsonOnDeserialized.OnDeserialized()
        {
            if (MetricName is null || Loss is null || Metric is null)
                throw new JsonException("The epochs need metricName, loss and metric; one of them is missing.");
        }
    }
}
