namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Passes over the training rows, as they follow from the number of rows; docs/defaults.md has the measurements.</summary>
/// <param name="Rows">Rows to read in all.</param>
/// <param name="Least">Passes over many rows.</param>
/// <param name="Most">Passes over few rows.</param>
internal sealed record EpochRule(int Rows, int Least, int Most)
{
    /// <summary>Of heads that read one vector of a text.</summary>
    public static EpochRule Sentences { get; } = new(Rows: 5_000, Least: 5, Most: 20);

    /// <summary>Of heads that read every token.</summary>
    public static EpochRule Tokens { get; } = new(Rows: 15_000, Least: 10, Most: 20);

    /// <param name="rows">Training rows.</param>
    public int For(int rows) => (int)Math.Clamp(Math.Ceiling((double)Rows / rows), Least, Most);
}
