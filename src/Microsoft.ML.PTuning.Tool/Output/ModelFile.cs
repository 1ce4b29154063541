namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Writes a pipeline's zip: whole, or not at all.</summary>
internal static class ModelFile
{
    public static void Save(MLContext mlContext, ITransformer pipeline, DataViewSchema schema, string path) =>
        WholeFile.Write(path, temporary => mlContext.Model.Save(pipeline, schema, temporary));
}

/// <summary>Writes a file beside its place and then moves it there, so that nobody sees half of it.</summary>
internal static class WholeFile
{
    /// <param name="write">Writes the file whose path it is given.</param>
    public static void Write(string path, Action<string> write)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
        try
        {
            write(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
