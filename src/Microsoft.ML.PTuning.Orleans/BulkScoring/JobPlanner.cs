using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Checks a job before anything is written, and divides its files.</summary>
internal static class JobPlanner
{
    private static readonly IReadOnlyList<string> s_extensions =
        [.. DataFormats.All.Where(format => DividedFile.Formats.Contains(format.Name)).SelectMany(format => format.Extensions)];

    /// <exception cref="DataException">The job cannot be done; the message says why.</exception>
    public static void Check(ScoringJob job, SiloModels models)
    {
        var inputs = Inputs(job);
        using var model = models.Lease(job.Model);
        var options = new ReadingOptions();
        using (var reader = new DataFile(inputs[0], options).Open())
            model.Pipeline.View(reader.Columns, () => [], inputs[0], job.TextColumns, default);
        RequireFormat(FormatOf(job, inputs[0]));
        if (Directory.Exists(job.OutputDirectory) && Directory.EnumerateFileSystemEntries(job.OutputDirectory).Any())
            throw new DataException($"'{job.OutputDirectory}' is not empty. Name another OutputDirectory, or delete what is there.");
        if (job.MergedFile is { } merged && inputs.Contains(merged))
            throw new DataException($"'{merged}' is an input and the merged file. Name another MergedFile.");
    }

    /// <exception cref="DataException">A file cannot be divided, or its columns are not those of the first one.</exception>
    public static JobPlan Plan(ScoringJob job, SiloModels models, CancellationToken cancellation)
    {
        using var model = models.Lease(job.Model);
        var options = new ReadingOptions { Cancellation = cancellation };
        List<PlannedFile> files = [];
        foreach (var path in Inputs(job))
        {
            cancellation.ThrowIfCancellationRequested();
            var file = new FileInfo(path);
            files.Add(new(DividedFile.Of(path, job.RowsPerRange, options), file.Length, file.LastWriteTimeUtc));
        }

        RequireAlike(files);
        if (files.All(file => file.Divided.Ranges.Count == 0))
            throw new DataException($"'{files[0].Divided.Path}' has no row{(files.Count > 1 ? ", nor has another file" : "")}.");
        if (files[0].Divided.Format == "jsonl")
            files = [.. files.Select(file => file with { Divided = file.Divided with { Columns = AllColumns(files) } })];
        return new JobPlan(model.Sha256, FormatOf(job, files[0].Divided.Path), files);
    }

    private static IReadOnlyList<string> Inputs(ScoringJob job)
    {
        List<string> files = [];
        foreach (var path in job.Inputs)
        {
            if (!Directory.Exists(path))
                files.Add(File.Exists(path) ? path : throw new DataException($"There is no file '{path}'."));
            else if (FilesOf(path) is { Count: > 0 } found)
                files.AddRange(found);
            else
                throw new DataException($"'{path}' has no file that ends in {string.Join(", ", s_extensions)}.");
        }

        return files;
    }

    private static List<string> FilesOf(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(file => s_extensions.Contains(Path.GetExtension(file).ToLowerInvariant())).Order(StringComparer.Ordinal)];

    private static string FormatOf(ScoringJob job, string input) => job.OutputFormat?.ToLowerInvariant() ?? DataFormats.Of(null, input).Name;

    private static void RequireFormat(string format)
    {
        if (!DividedFile.Formats.Contains(format))
            throw new DataException($"Predictions are not written as '{format}'. Expected one of {string.Join(", ", DividedFile.Formats)}.");
    }

    private static void RequireAlike(IReadOnlyList<PlannedFile> files)
    {
        var first = files[0].Divided;
        foreach (var other in files.Skip(1).Select(file => file.Divided))
        {
            if (other.Format != first.Format)
                throw new DataException($"Expected files of one format; '{first.Path}' is {first.Format}, '{other.Path}' is {other.Format}. Score it in another job.");
            if (first.Format != "jsonl" && !other.Columns.Select(column => column.Name).SequenceEqual(first.Columns.Select(column => column.Name)))
                throw new DataException(
                    $"Expected '{other.Path}' to have the columns of '{first.Path}', {DataTable.Names(first.Columns)}; "
                    + $"found {DataTable.Names(other.Columns)}.");
        }
    }

    // Lines of JSON leave out what they do not have.
    private static IReadOnlyList<DataColumn> AllColumns(IEnumerable<PlannedFile> files) =>
    [
        .. from file in files
           from column in file.Divided.Columns
           group column.IsList by column.Name into same
           select new DataColumn(same.Key, same.Any(isList => isList)),
    ];
}
