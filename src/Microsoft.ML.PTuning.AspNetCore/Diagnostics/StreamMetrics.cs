using System.Diagnostics.Metrics;

namespace Microsoft.ML.PTuning.AspNetCore.Diagnostics;

/// <summary>Metrics of streams of rows. Those of requests are ASP.NET Core's, those of models and predictions the packages' below.</summary>
internal sealed class StreamMetrics
{
    /// <summary>Name of the meter: that of the assembly.</summary>
    public const string MeterName = "Microsoft.ML.PTuning.AspNetCore";

    private const string ErrorTag = "error.type";

    private readonly Counter<long> _rows;

    public StreamMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(new MeterOptions(MeterName) { Version = typeof(StreamMetrics).Assembly.GetName().Version?.ToString(3) });
        _rows = meter.CreateCounter<long>("ptuning.stream.rows", "{row}", "Rows of streams that were answered.");
    }

    /// <param name="error">The type of problem of a row that was not predicted; null if it was.</param>
    public void CountRow(string? error)
    {
        if (error is null)
            _rows.Add(1);
        else
            _rows.Add(1, KeyValuePair.Create<string, object?>(ErrorTag, error));
    }
}
