using System.Text;
using CsvHelper;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Files of the same columns, joined to one.</summary>
internal static class MergedFile
{
    /// <param name="parts">The files, in their order; one at least.</param>
    /// <param name="format">One of <see cref="PredictionWriter.Formats"/>, in which all were written.</param>
    public static void Write(string path, IReadOnlyList<string> parts, string format, CancellationToken cancellation) => WholeFile.Write(path, draft =>
    {
        using var output = File.Create(draft);
        if (format == "parquet")
            JoinGroups(output, parts, cancellation);
        else
            JoinText(output, parts, format, cancellation);
    });

    private static void JoinText(Stream output, IReadOnlyList<string> parts, string format, CancellationToken cancellation)
    {
        for (var part = 0; part < parts.Count; part++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var input = File.OpenRead(parts[part]);
            if (part > 0 && format != "jsonl")
                input.Position = HeaderLength(parts[part], format);
            input.CopyTo(output);
        }
    }

    // A class's name may have a line end in it, so the header is what the parser takes for the first row. Latin-1 has a character per byte.
    private static long HeaderLength(string path, string format)
    {
        using var text = new StreamReader(path, Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
        using var parser = new CsvParser(text, SeparatedReader.Configuration(format == "tsv" ? "\t" : ",", onBad: () => { }));
        parser.Read();
        return parser.CharCount;
    }

    private static void JoinGroups(Stream output, IReadOnlyList<string> parts, CancellationToken cancellation)
    {
        ParquetGroups? groups = null;
        foreach (var part in parts)
        {
            cancellation.ThrowIfCancellationRequested();
            using var input = File.OpenRead(part);
            groups ??= new ParquetGroups(output, ParquetGroups.SchemaOf(input));
            foreach (var rows in ParquetGroups.Of(input).Where(rows => rows.Count > 0))
                groups.Append(rows);
        }

        groups?.Finish();
    }
}
