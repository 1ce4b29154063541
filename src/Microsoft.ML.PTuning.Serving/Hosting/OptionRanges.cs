namespace Microsoft.ML.PTuning.Serving.Hosting;

/// <summary>Finds options that are out of their range, all at once.</summary>
internal sealed class OptionRanges
{
    /// <summary>What is wrong, and what to do.</summary>
    public List<string> Wrong { get; } = [];

    public void AtLeast(long value, long least, string option)
    {
        if (value < least)
            Wrong.Add($"{option} must be {least} or more; found {value}.");
    }

    public void Between(TimeSpan value, TimeSpan least, TimeSpan most, string option)
    {
        if (value < least || value > most)
            Wrong.Add($"{option} must be between {least} and {most}; found {value}.");
    }
}
