namespace Microsoft.ML.PTuning.Training;

/// <summary>Draws the task of each step. A task of n rows has a probability in proportion to n^(1/T), where T is the temperature.</summary>
/// <remarks>T = 1 draws in proportion to rows; a large T draws all tasks equally often (Arivazhagan et al. 2019; Raffel et al. 2020).</remarks>
internal sealed class TaskDraw
{
    private readonly double[] _upTo; // Cumulative weights of the tasks.
    private readonly Random _random;

    public TaskDraw(IReadOnlyList<int> rows, double temperature, Random random)
    {
        _random = random;
        _upTo = new double[rows.Count];
        var (most, sum) = (rows.Max(), 0.0);
        for (var task = 0; task < rows.Count; task++)
            _upTo[task] = sum += rows[task] == 0 ? 0 : Math.Pow((double)rows[task] / most, 1 / temperature);
    }

    /// <returns>The task's index. With a single task nothing is drawn.</returns>
    public int Next()
    {
        if (_upTo.Length == 1)
            return 0;
        var drawn = _random.NextDouble() * _upTo[^1];
        return Array.FindIndex(_upTo, upTo => drawn < upTo);
    }
}
