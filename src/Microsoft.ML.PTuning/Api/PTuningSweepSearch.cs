namespace Microsoft.ML.PTuning;

/// <summary>How a <see cref="PTuningSweep{TOptions}"/> chooses what to try.</summary>
public enum PTuningSweepSearch
{
    /// <summary>Values drawn at random. It finds more than a grid with the same number of trials if only some of the options matter.</summary>
    Random = 0,

    /// <summary>Every combination of the values.</summary>
    Grid = 1,

    /// <summary>
    /// Many candidates drawn at random and trained with few epochs; the best third goes on to three times the epochs, until the last round has
    /// <see cref="TrainingOptions.MaxEpochs"/>.
    /// </summary>
    SuccessiveHalving = 2,
}
