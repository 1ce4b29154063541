using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training;

/// <summary>What training gives: the trained tensors, how they came about, and the epoch that they are from.</summary>
internal sealed record TrainingResult(TrainedTensors Tensors, TrainingSummary Summary, EpochOutcome Best);

/// <summary>A task to learn, the rows that teach it, and those that judge it where there are any.</summary>
internal sealed record TrainingTask(PromptTask Task, PromptNetwork Network, ExampleSet Training, ExampleSet? Validation)
{
    /// <summary>Its name among those that share a prefix; null where it is alone.</summary>
    public string? Name { get; init; }

    /// <summary>What looks wrong with its training rows.</summary>
    public IReadOnlyList<TrainingWarning> RowWarnings { get; init; } = [];

    /// <summary>First values; what is not among them starts at random. They stay the caller's.</summary>
    public TrainedTensors? Start { get; init; }

    /// <summary>The training that this one continues: epochs are counted on from it, and it is kept where none is better. Null for none.</summary>
    public TrainingResult? Before { get; init; }

    /// <summary>A sentence about this task.</summary>
    public string Subject(string what) => Name is null ? what : $"Task '{Name}': {char.ToLowerInvariant(what[0])}{what[1..]}";

    /// <summary>The same task, from where an earlier training ended.</summary>
    public TrainingTask After(TrainingResult before) => this with { Start = before.Tensors, Before = before };
}
