namespace Microsoft.ML.PTuning.Orleans;

/// <summary>Has the silos score files. A job goes on without its caller, whichever silo dies.</summary>
/// <remarks>
/// Every row is scored and written once: a range's part has its name when it is whole. The merged file has the same bytes whatever happened on the way, on
/// silos with equal processors. Safe for any number of threads.
/// </remarks>
public interface IBulkScoring
{
    /// <summary>Starts a job.</summary>
    /// <returns>Its name, for the other methods.</returns>
    /// <exception cref="ArgumentException">The job is wrong in itself: no files, paths that are not full ones, a name that is none.</exception>
    /// <exception cref="InvalidOperationException">
    /// There is no such model or file, a column is missing, or the output folder is not empty. Nothing was written.
    /// </exception>
    /// <example>
    /// <code>
    /// string id = await scoring.StartAsync(new() { Model = "queue", Inputs = ["/data/tickets.csv"], OutputDirectory = "/data/routed" });
    /// </code>
    /// </example>
    Task<string> StartAsync(ScoringJob job);

    /// <summary>Tells where a job stands.</summary>
    /// <exception cref="KeyNotFoundException">There is no such job.</exception>
    /// <example>
    /// <code>
    /// ScoringProgress progress = await scoring.GetProgressAsync(id);
    /// Console.WriteLine($"{progress.State}: {progress.RowsDone} of {progress.Rows} rows, {progress.BrokenRows} of them broken");
    /// </code>
    /// </example>
    Task<ScoringProgress> GetProgressAsync(string id);

    /// <summary>Waits until a job has ended.</summary>
    /// <param name="progress">Is told of every change.</param>
    /// <param name="cancellationToken">Ends the waiting, not the job.</param>
    /// <returns>The progress of the completed job.</returns>
    /// <exception cref="InvalidOperationException">The job failed, or was cancelled.</exception>
    /// <exception cref="KeyNotFoundException">There is no such job.</exception>
    /// <example>
    /// <code>
    /// var done = await scoring.WaitAsync(id, new Progress&lt;ScoringProgress&gt;(p => Console.WriteLine($"{p.RowsDone} of {p.Rows} rows")));
    /// </code>
    /// </example>
    Task<ScoringProgress> WaitAsync(string id, IProgress<ScoringProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Begins no further range; those under way are finished.</summary>
    /// <exception cref="InvalidOperationException">The job has ended.</exception>
    /// <exception cref="KeyNotFoundException">There is no such job.</exception>
    /// <example>
    /// <code>
    /// await scoring.PauseAsync(id);
    /// </code>
    /// </example>
    Task PauseAsync(string id);

    /// <summary>Goes on with a job that was paused, or that failed for a reason that is removed. What is written is not scored again.</summary>
    /// <exception cref="InvalidOperationException">The job is completed or cancelled.</exception>
    /// <exception cref="KeyNotFoundException">There is no such job.</exception>
    /// <example>
    /// <code>
    /// await scoring.ResumeAsync(id);
    /// </code>
    /// </example>
    Task ResumeAsync(string id);

    /// <summary>Ends a job, also in the middle of a range. The parts that are written stay.</summary>
    /// <exception cref="InvalidOperationException">The job is completed.</exception>
    /// <exception cref="KeyNotFoundException">There is no such job.</exception>
    /// <example>
    /// <code>
    /// await scoring.CancelAsync(id);
    /// </code>
    /// </example>
    Task CancelAsync(string id);
}
