using System.IO.Compression;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Files that a command writes, never over a file of another kind.</summary>
internal static class OutputFile
{
    /// <summary>Checks, before any work, that the files can be written and that none of them is another one of the command.</summary>
    /// <param name="model">A file that exists must be a model.</param>
    /// <param name="page">A file that exists must be a page; null for none.</param>
    /// <param name="inputs">The files that the command reads; null for none.</param>
    /// <exception cref="DataException">One is the same as another, is of another kind, or cannot be written.</exception>
    public static void Check(string model, string? page, IEnumerable<string?> inputs)
    {
        RequireApart(inputs.Append(model).Append(page));
        RequireWritable(model);
        if (File.Exists(model) && !IsModel(model))
            throw new DataException($"'{model}' exists and is not a model. Name another file with --output.");
        if (page is null)
            return;

        RequireWritable(page);
        if (File.Exists(page) && !File.ReadLines(page).Take(1).Any(line => line.StartsWith("<!DOCTYPE html>", StringComparison.OrdinalIgnoreCase)))
            throw new DataException($"'{page}' exists and is not a page. Name another file with --page.");
    }

    /// <summary>Checks that the files of a command are different ones.</summary>
    /// <exception cref="DataException">Two are the same.</exception>
    public static void RequireApart(IEnumerable<string?> paths)
    {
        var twice = paths.OfType<string>().Where(path => path != DataFile.StandardInput).Select(Path.GetFullPath).GroupBy(path => path).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new DataException($"'{twice.Key}' is named for two files of this command. Name another one with --output or --page.");
    }

    private static void RequireWritable(string path)
    {
        if (Directory.Exists(path))
            throw new DataException($"'{path}' is a folder. Name a file.");

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        try
        {
            Directory.CreateDirectory(folder);
            var draft = Path.Combine(folder, $"{Guid.NewGuid():N}.tmp");
            File.WriteAllBytes(draft, []);
            File.Delete(draft);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be written: {e.Message}");
        }
    }

    private static bool IsModel(string path)
    {
        try
        {
            using var zip = ZipFile.OpenRead(path);
            return zip.Entries.Any(entry => entry.FullName.StartsWith("TransformerChain", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return false;
        }
    }
}
