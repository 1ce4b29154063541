namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The number of passes over the training rows, computed from the number of rows; docs/defaults.md has the measurements.</summary>
/// <param name="Rows">Rows to read in total.</param>
/// <param name="Least">Smallest number of passes, for many rows.</param>
/// <param name="Most">Largest number of passes, for few rows.</param>
internal sealed record EpochRule(int Rows, int Least, int Most)
{
    /// <summary>For heads that read one vector per text.</summary>
    public static EpochRule Sentences { get; } = new(Rows: 5_000, Least: 5, Most: 20);

    /// <summary>For heads that read every token.</summary>
    public static EpochRule Tokens { get; } = new(Rows: 15_000, Least: 10, Most: 20);

    /// <param name="rows">Training rows.</param>
    public int For(int rows) => (int)Math.Clamp(Math.Ceiling((double)Rows / rows), Least, Most);
}
