using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>
/// What a job is and what is done of it, as files. Each is written whole or not at all, so that a job goes on from them, whichever silo dies.
/// </summary>
/// <remarks>
/// <c>JOBS/ID/job.json</c>: the job and its state. <c>JOBS/ID/plan.json</c>: the ranges. <c>OUTPUT/part-00000.csv</c>: the rows of range 0, which is done
/// if this file exists. <c>OUTPUT/broken-00000.jsonl</c>: what was left out of it, written before the part. <c>OUTPUT/broken.jsonl</c>: what was left out
/// of all, written at the end.
/// </remarks>
internal sealed class JobFolder(string jobsDirectory, string id)
{
    private const string Parts = "part-", Broken = "broken-";

    private static readonly JsonSerializerOptions s_json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // The files are no web pages: paths stay readable.
        Converters = { new JsonStringEnumConverter() },
        WriteIndented = true,
    };

    private readonly string _folder = Path.Combine(jobsDirectory, id);

    private string RecordFile => Path.Combine(_folder, "job.json");

    private string PlanFile => Path.Combine(_folder, "plan.json");

    /// <returns>Null if there is no such job.</returns>
    public JobRecord? ReadRecord() => Read<JobRecord>(RecordFile);

    public void Write(JobRecord record) => Write(RecordFile, record);

    /// <returns>Null if the job is not planned yet.</returns>
    public JobPlan? ReadPlan() => Read<JobPlan>(PlanFile);

    public void Write(JobPlan plan) => Write(PlanFile, plan);

    public static string PartFile(string output, int range, string format) => Path.Combine(output, FormattableString.Invariant($"{Parts}{range:D5}.{format}"));

    public static string BrokenFile(string output, int range) => Path.Combine(output, FormattableString.Invariant($"{Broken}{range:D5}.jsonl"));

    public static string AllBrokenFile(string output) => Path.Combine(output, "broken.jsonl");

    /// <summary>Rows that were left out of a range.</summary>
    public static int CountBroken(string output, int range)
    {
        var file = BrokenFile(output, range);
        return File.Exists(file) ? File.ReadLines(file).Count() : 0;
    }

    /// <summary>Deletes what killed silos have left half-written.</summary>
    public static void DeleteDrafts(string output)
    {
        foreach (var file in Directory.EnumerateFiles(output, "*.tmp"))
            if (Path.GetFileName(file).StartsWith(Parts, StringComparison.Ordinal) || Path.GetFileName(file).StartsWith(Broken, StringComparison.Ordinal))
                File.Delete(file);
    }

    /// <summary>A job as text, by which two are compared.</summary>
    public static string Text(ScoringJob job) => JsonSerializer.Serialize(job, s_json);

    private static T? Read<T>(string path)
        where T : class => File.Exists(path) ? JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), s_json) : null;

    private static void Write<T>(string path, T value)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, s_json);
        WholeFile.Write(path, draft => File.WriteAllBytes(draft, bytes));
    }
}

/// <summary>A job as its file has it.</summary>
/// <param name="State">Running until it ends or is paused.</param>
/// <param name="BrokenRows">Known when it is completed.</param>
internal sealed record JobRecord(ScoringJob Job, ScoringState State, string? Error = null, long BrokenRows = 0);

/// <summary>How a job is divided, and what it was divided for.</summary>
/// <param name="ModelSha256">Of the model's file: each range is scored by the same model.</param>
/// <param name="Format">What is written.</param>
internal sealed record JobPlan(string ModelSha256, string Format, IReadOnlyList<PlannedFile> Files)
{
    [JsonIgnore]
    public int Ranges => Files.Sum(file => file.Divided.Ranges.Count);
}

/// <summary>An input and its ranges.</summary>
/// <param name="Length">Its bytes; a file that has changed since is refused.</param>
/// <param name="Modified">When it was written.</param>
internal sealed record PlannedFile(DividedFile Divided, long Length, DateTime Modified)
{
    /// <exception cref="DataException">The file is not the one that was divided.</exception>
    public void RequireUnchanged()
    {
        var file = new FileInfo(Divided.Path);
        if (!file.Exists || file.Length != Length || file.LastWriteTimeUtc != Modified)
            throw new DataException(
                $"'{Divided.Path}' has changed or is gone since the job was planned. Put the file back as it was, or start another job.");
    }
}
