using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Merges what the ranges of a job have written. Every step can be done again.</summary>
internal static class JobFinisher
{
    /// <returns>Rows that were left out.</returns>
    public static long Finish(ScoringJob job, JobPlan plan, CancellationToken cancellation)
    {
        JobFolder.DeleteDrafts(job.OutputDirectory);
        string[] parts = [.. Enumerable.Range(0, plan.Ranges).Select(range => JobFolder.PartFile(job.OutputDirectory, range, plan.Format))];
        if (job.MergedFile is { } merged && parts.Length > 0)
            MergedFile.Write(merged, parts, plan.Format, cancellation);
        return JoinBroken(job.OutputDirectory, plan.Ranges);
    }

    /// <summary>Deletes what is merged; called when the job is completed.</summary>
    public static void DeleteParts(ScoringJob job, JobPlan plan)
    {
        for (var range = 0; range < plan.Ranges; range++)
        {
            File.Delete(JobFolder.BrokenFile(job.OutputDirectory, range));
            if (job.MergedFile is not null)
                File.Delete(JobFolder.PartFile(job.OutputDirectory, range, plan.Format));
        }
    }

    private static long JoinBroken(string output, int ranges)
    {
        string[] files = [.. Enumerable.Range(0, ranges).Select(range => JobFolder.BrokenFile(output, range)).Where(File.Exists)];
        if (files.Length == 0)
            return 0;

        long rows = 0;
        WholeFile.Write(JobFolder.AllBrokenFile(output), draft => File.WriteAllLines(draft, files.SelectMany(File.ReadLines).Select(line =>
        {
            rows++;
            return line;
        })));
        return rows;
    }
}
