using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Scores a range and writes its part, whole or not at all.</summary>
internal static class RangeScorer
{
    private const string WayOut = "The job stops at broken rows; without StopsAtBrokenRow the row is left out.";

    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <returns>Rows that were left out.</returns>
    /// <exception cref="DataException">It cannot be scored, now and later.</exception>
    public static int Score(RangeAssignment assignment, SiloModels models, CancellationToken cancellation)
    {
        var job = assignment.Job;
        if (File.Exists(assignment.PartFile))
            return JobFolder.CountBroken(job.OutputDirectory, assignment.Number);

        using var model = models.Lease(job.Model);
        if (model.Sha256 != assignment.ModelSha256)
            throw new DataException($"The model '{job.Model}' has changed since the job was planned. Put the old file back, or start another job.");

        var file = assignment.ReadFile();
        file.RequireUnchanged();
        List<string> broken = [];
        WholeFile.Write(assignment.PartFile, draft =>
        {
            broken = Write(draft, assignment, file.Divided, model.Pipeline, cancellation);
            if (broken.Count > 0)
                WholeFile.Write(JobFolder.BrokenFile(job.OutputDirectory, assignment.Number), lines => File.WriteAllLines(lines, broken));
            file.RequireUnchanged();
        });
        return broken.Count;
    }

    private static List<string> Write(string path, RangeAssignment assignment, DividedFile file, SavedPipeline model, CancellationToken cancellation)
    {
        var job = assignment.Job;
        List<string> broken = [];
        var options = new ReadingOptions
        {
            KeepsSource = true,
            Cancellation = cancellation,
            Broken = new BrokenRows(job.StopsAtBrokenRow, WayOut)
            {
                Found = (line, reason) => broken.Add(JsonSerializer.Serialize(new { file = file.Path, line, reason }, s_json)),
            },
        };
        using var reader = file.Open(file.Ranges[0], options);
        using var output = File.Create(path);
        IReadOnlyList<int> own = job.OnlyPredictions ? [] : RowScoring.Own(reader.Columns, model, file.Name, note: _ => { });
        RowScoring.Write(model, reader, file.Name, job.TextColumns, assignment.Format, own, output, cancellation);
        return broken;
    }
}
