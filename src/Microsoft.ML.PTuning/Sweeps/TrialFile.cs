using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>The trials of a sweep, a line each, by their options. Without a path it keeps nothing.</summary>
internal sealed class TrialFile : IDisposable
{
    private const string Options = "options", Metric = "metric", Seconds = "seconds", Error = "error";

    private readonly JsonLinesFile? _file;
    private readonly Dictionary<string, TrialOutcome> _known = new(StringComparer.Ordinal);

    /// <exception cref="FormatException">A line is not what <see cref="Add"/> writes.</exception>
    /// <exception cref="IOException">Another process appends to the file.</exception>
    public TrialFile(string? path)
    {
        if (path is null)
            return;

        _file = JsonLinesFile.Open(path);
        for (var i = 0; i < _file.Lines.Count; i++)
        {
            if (!Read(_file.Lines[i]))
            {
                _file.Dispose();
                throw new FormatException(
                    $"{path}, line {i + 1}: expected a trial with \"options\" and a \"metric\" or an \"error\". Remove the line, or name another ResultsFile.");
            }
        }
    }

    /// <summary>The outcome of a trial with these options that did not fail; null if there was none.</summary>
    public TrialOutcome? Find(JsonObject options) => _known.GetValueOrDefault(options.ToJsonString());

    public void Add(JsonObject options, TrialOutcome outcome)
    {
        var line = new JsonObject { [Options] = options.DeepClone() };
        if (outcome.Error is null)
            line[Metric] = outcome.Metric;
        else
            line[Error] = outcome.Error;
        line[Seconds] = outcome.Time.TotalSeconds;
        _file?.Append(line);
    }

    public void Dispose() => _file?.Dispose();

    private bool Read(JsonObject line)
    {
        if (line[Options] is not JsonObject options)
            return false;
        if (line[Error] is not null)
            return true; // A trial that failed is run again.
        if (line[Metric] is not JsonValue metric || !metric.TryGetValue(out double value)
            || line[Seconds] is not JsonValue time || !time.TryGetValue(out double seconds) || !(seconds >= 0 && seconds < TimeSpan.MaxValue.TotalSeconds))
        {
            return false;
        }

        _known[options.ToJsonString()] = new TrialOutcome(value, TimeSpan.FromSeconds(seconds), null);
        return true;
    }
}

/// <summary>What became of a trial.</summary>
/// <param name="Metric">NaN if it failed.</param>
/// <param name="Error">Why it failed; null if it did not.</param>
internal sealed record TrialOutcome(double Metric, TimeSpan Time, string? Error);
