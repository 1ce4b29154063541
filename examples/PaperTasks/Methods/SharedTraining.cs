using Microsoft.ML;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>Several tasks that train one prefix together; then each may go on alone.</summary>
/// <param name="Main">Name of the task that is judged.</param>
/// <param name="Companions">The others.</param>
/// <param name="ContinuationEpochs">Passes that each task goes on alone.</param>
internal sealed record SharedTraining(string Main, IReadOnlyList<Companion> Companions, int ContinuationEpochs)
{
    /// <summary>Draws the training rows of a run: none whose text is judged. SQuAD 1.1 and 2.0 share paragraphs.</summary>
    /// <param name="main">The rows of the task that is judged, drawn for the run.</param>
    public SharedTraining Draw(Reading reading, int seed, TaskData main)
    {
        Reading training = reading with { HoldOut = null };                         // nothing of a companion is judged
        IReadOnlySet<string> judged = main.DevTexts;
        return this with { Companions = [.. Companions.Select(companion => companion with { Data = training.Draw(companion.Data.Without(judged), seed) })] };
    }
}

/// <summary>A task that only trains.</summary>
/// <param name="Name">Its own among the tasks that train together.</param>
/// <param name="File">The file of its training rows.</param>
internal sealed record Companion(string Name, PaperTask Task, string File, TaskData Data)
{
    /// <summary>The training rows as ML.NET sees them; null until the run's context has loaded them.</summary>
    public IDataView? Rows { get; init; }
}
