using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training;

/// <summary>The result of training: the trained tensors, a summary, and the epoch that they are from.</summary>
internal sealed record TrainingResult(TrainedTensors Tensors, TrainingSummary Summary, EpochOutcome Best);

/// <summary>A task to learn, its training rows, and its validation rows if there are any.</summary>
internal sealed record TrainingTask(PromptTask Task, PromptNetwork Network, ExampleSet Training, ExampleSet? Validation)
{
    /// <summary>Its name among tasks that share a prefix; null for a single task.</summary>
    public string? Name { get; init; }

    /// <summary>Which encoder it is; null if nobody needs to know.</summary>
    public BackboneReference? Encoder { get; init; }

    /// <summary>What looks wrong with its training rows.</summary>
    public IReadOnlyList<TrainingWarning> RowWarnings { get; init; } = [];

    /// <summary>Token ids of the words that the method's prompt begins with; null for random vectors.</summary>
    public IReadOnlyList<int>? StartWords { get; init; }

    /// <summary>Training rows that the method's prefix begins with; null for none.</summary>
    public IReadOnlyList<EncodedRow>? StartRows { get; init; }

    /// <summary>Token ids that no search for words tries.</summary>
    public IReadOnlySet<int> FixedWords { get; init; } = new HashSet<int>();

    /// <summary>First values; other tensors start at random. The caller keeps and disposes them.</summary>
    public TrainedTensors? Start { get; init; }

    /// <summary>The training that this one continues, or null. Epoch numbers go on from it, and its epoch stays the best unless a new one is better.</summary>
    public TrainingResult? Before { get; init; }

    /// <summary>A sentence about this task.</summary>
    public string Subject(string what) => Name is null ? what : $"Task '{Name}': {char.ToLowerInvariant(what[0])}{what[1..]}";

    /// <summary>The same task, from where an earlier training ended.</summary>
    public TrainingTask After(TrainingResult before) => this with { Start = before.Tensors, Before = before };
}
