namespace Microsoft.ML.PTuning.Training.Resuming;

/// <summary>Where and when the state of a training is written.</summary>
/// <param name="Folder">For all trainings of a <c>Fit</c>; each has a folder of its own in it.</param>
internal sealed record CheckpointSettings(string Folder)
{
    /// <summary>Steps between two checkpoints; 0 for no limit.</summary>
    public int Steps { get; init; }

    /// <summary>Epochs between two checkpoints; 0 for no limit.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Minutes between two checkpoints; 0 for no limit.</summary>
    public double Minutes { get; init; }

    /// <summary>How many are kept, 1 or more.</summary>
    public int Kept { get; init; } = 2;

    /// <summary>The seed of the <c>Fit</c>, from which those of its trainings follow.</summary>
    public int SessionSeed { get; init; }
}
