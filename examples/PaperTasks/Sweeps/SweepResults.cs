using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Formats;

namespace PaperTasks.Sweeps;

/// <summary>The results' file. A point's last line counts, but a failure does not hide an earlier success.</summary>
internal sealed class SweepResults : IDisposable
{
    private readonly JsonLinesFile? _file;
    private readonly Dictionary<string, PointResult> _finished = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PointResult> _failed = new(StringComparer.Ordinal);

    private SweepResults(string path, JsonLinesFile? file, IReadOnlyList<JsonObject> lines)
    {
        _file = file;
        for (int i = 0; i < lines.Count; i++)
        {
            try
            {
                Keep(PointResult.FromJson(lines[i]));
            }
            catch (FormatException problem)
            {
                file?.Dispose();
                throw new FormatException($"{path}, line {i + 1}: {problem.Message} Remove the line, or name another file with --results.", problem);
            }
        }
        if (file is not null)
            _failed.Clear(); // They are run again.
    }

    /// <summary>Whether a line was removed that a kill had cut short.</summary>
    public bool WasRepaired => _file?.DroppedBytes > 0;

    /// <summary>The points that failed: since the file was opened, or, where it is only read, ever.</summary>
    public IEnumerable<PointResult> Failed => _failed.Values;

    /// <summary>Opens the file to append to it.</summary>
    public static SweepResults Open(string path)
    {
        JsonLinesFile file = JsonLinesFile.Open(path);
        return new SweepResults(path, file, file.Lines);
    }

    /// <summary>Reads the file and leaves it as it is.</summary>
    public static SweepResults Read(string path) => new(path, null, JsonLinesFile.Read(path));

    /// <summary>The result of a finished point; null for others.</summary>
    public PointResult? Find(Point point) => _finished.GetValueOrDefault(point.Key);

    /// <summary>Whether a point is finished, or one of <see cref="Failed"/>.</summary>
    public bool HasEnded(Point point) => _finished.ContainsKey(point.Key) || _failed.ContainsKey(point.Key);

    public void Add(PointResult result)
    {
        _file!.Append(result.ToJson());
        Keep(result);
    }

    public void Dispose() => _file?.Dispose();

    private void Keep(PointResult result)
    {
        if (result.Error is not null)
            _failed[result.Point.Key] = result;
        else
            _finished[result.Point.Key] = result;
    }
}
