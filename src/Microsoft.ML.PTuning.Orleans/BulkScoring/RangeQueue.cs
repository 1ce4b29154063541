namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Which ranges of a job wait, and which are done. The files are what counts; this saves looking at them.</summary>
internal sealed class RangeQueue
{
    private readonly Queue<int> _waiting = [];
    private readonly HashSet<int> _done = [];
    private readonly Dictionary<int, int> _failures = [];
    private IReadOnlyList<long> _rows = [];

    public int Count => _rows.Count;

    public int DoneCount => _done.Count;

    public bool IsDone => _done.Count == _rows.Count;

    public bool HasWaiting => _waiting.Count > 0;

    public long Rows { get; private set; }

    public long RowsDone { get; private set; }

    public long BrokenRows { get; private set; }

    /// <summary>Finds out which ranges have a part.</summary>
    public void Load(string output, JobPlan plan)
    {
        _rows = [.. plan.Files.SelectMany(file => file.Divided.Ranges).Select(range => range.Rows)];
        Rows = _rows.Sum();
        for (var range = 0; range < _rows.Count; range++)
        {
            if (File.Exists(JobFolder.PartFile(output, range, plan.Format)))
                Done(range, JobFolder.CountBroken(output, range));
            else
                _waiting.Enqueue(range);
        }
    }

    public int Take() => _waiting.Dequeue();

    public void Return(int range) => _waiting.Enqueue(range);

    public void Done(int range, int brokenRows)
    {
        if (!_done.Add(range))
            return;
        RowsDone += _rows[range];
        BrokenRows += brokenRows;
    }

    /// <returns>How often this range has failed. It waits for another try.</returns>
    public int Failed(int range)
    {
        _waiting.Enqueue(range);
        return _failures[range] = _failures.GetValueOrDefault(range) + 1;
    }

    public void ForgetFailures() => _failures.Clear();
}
