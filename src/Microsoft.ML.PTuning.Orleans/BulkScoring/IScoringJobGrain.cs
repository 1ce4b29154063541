namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Has a job's ranges scored; its key is the job's name. What it knows is in the job's folder, so it goes on wherever it is activated again.</summary>
internal interface IScoringJobGrain : IGrainWithStringKey
{
    /// <summary>Starts the job, unless it was started before.</summary>
    [ResponseTimeout("00:05:00")]
    Task StartAsync(ScoringJob job);

    Task<ScoringProgress> GetProgressAsync();

    Task PauseAsync();

    Task ResumeAsync();

    Task CancelAsync();
}
