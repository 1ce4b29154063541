using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Decodes each row when the last of its parts is computed, on that thread, and drops its numbers. Parts may come in any order.</summary>
internal sealed class RowDecoding
{
    private readonly IReadOnlyList<Example> _examples;
    private readonly PromptTask _task;
    private readonly int[] _first;      // Each row's first part.
    private readonly int[] _rows;       // Each part's row.
    private readonly int[] _missing;    // Parts that each row still waits for.
    private readonly float[]?[] _outputs;

    public RowDecoding(IReadOnlyList<Example> examples, PromptTask task)
    {
        (_examples, _task) = (examples, task);
        _missing = [.. examples.Select(e => e.Parts.Count)];
        _rows = [.. examples.SelectMany((e, row) => Enumerable.Repeat(row, e.Parts.Count))];
        _outputs = new float[_rows.Length][];
        _first = new int[examples.Count];
        for (var row = 1; row < _first.Length; row++)
            _first[row] = _first[row - 1] + _missing[row - 1];

        Predictions = new Prediction[examples.Count];
        for (var row = 0; row < _missing.Length; row++)
            if (_missing[row] == 0)
                Predictions[row] = task.Decode(examples[row], []);
    }

    /// <summary>One per row, once all parts have been added.</summary>
    public Prediction[] Predictions { get; }

    /// <param name="part">Number of the part, counted over all rows.</param>
    /// <param name="values">The head's numbers.</param>
    public void Add(int part, float[] values)
    {
        var row = _rows[part];
        _outputs[part] = values;
        if (Interlocked.Decrement(ref _missing[row]) > 0)
            return;

        var own = _outputs.AsSpan(_first[row], _examples[row].Parts.Count);
        Predictions[row] = _task.Decode(_examples[row], own.ToArray()!);
        own.Clear();
    }
}
