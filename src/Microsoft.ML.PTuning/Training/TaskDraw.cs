namespace Microsoft.ML.PTuning.Training;

/// <summary>Draws the task that a step learns, with a probability in proportion to n^(1/T), n being its rows and T the temperature.</summary>
/// <remarks>T = 1 draws by rows, a large T all tasks alike (Arivazhagan et al. 2019; Raffel et al. 2020).</remarks>
internal sealed class TaskDraw
{
    private readonly double[] _upTo; // The probability of a task or one before it, times their sum.
    private readonly Random _random;

    public TaskDraw(IReadOnlyList<int> rows, double temperature, Random random)
    {
        _random = random;
        _upTo = new double[rows.Count];
        var (most, sum) = (rows.Max(), 0.0);
        for (var task = 0; task < rows.Count; task++)
            _upTo[task] = sum += rows[task] == 0 ? 0 : Math.Pow((double)rows[task] / most, 1 / temperature);
    }

    /// <returns>The task's index. Where there is but one, nothing is drawn.</returns>
    public int Next()
    {
        if (_upTo.Length == 1)
            return 0;
        var drawn = _random.NextDouble() * _upTo[^1];
        return Array.FindIndex(_upTo, upTo => drawn < upTo);
    }
}
