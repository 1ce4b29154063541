using System.Collections.Concurrent;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Rows in, the same rows with predictions out, as a stream: a file of any size needs the same memory.</summary>
internal static class RowScoring
{
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="texts">The file's columns for those that the model reads, in that order; none where they have the same names.</param>
    /// <param name="own">The places of the file's columns that are written.</param>
    /// <returns>How many rows were written.</returns>
    /// <exception cref="DataException">A column that the model reads is missing, or a cell is not what it reads.</exception>
    public static long Write(
        SavedPipeline model, IRowReader reader, string file, IReadOnlyList<string> texts, string format, IReadOnlyList<int> own, Stream output,
        CancellationToken cancellation)
    {
        // Cursors read ahead, on threads of ML.NET's: rows wait here until their predictions are there.
        var waiting = new ConcurrentQueue<DataRow>();
        var view = model.View(reader.Columns, () => Remembered(reader.Rows(), waiting), file, texts, cancellation);
        var scored = model.Whole.Transform(view);
        var columns = model.Outputs.Select(name => scored.Schema[name]).ToList();
        using var cursor = scored.GetRowCursor(columns);
        using var writer = PredictionWriter.Create(
            format, output, reader.Columns, own, [.. columns.Select(column => PredictedColumn.Of(cursor, column))], model.BetweenTexts);
        long count = 0;
        while (cursor.MoveNext())
        {
            waiting.TryDequeue(out var row);
            writer.Write(row!); // It was there before its prediction was.
            count++;
        }

        return count;
    }

    /// <summary>The columns of a file that are written: a column that has the name of a prediction gives way to it.</summary>
    /// <param name="note">Is told of each column that gives way.</param>
    public static IReadOnlyList<int> Own(IReadOnlyList<DataColumn> columns, SavedPipeline model, string file, Action<string> note)
    {
        foreach (var column in columns.Where(column => model.Outputs.Contains(column.Name)))
            note($"{file}: the column '{column.Name}' is replaced by the prediction.");
        return [.. Enumerable.Range(0, columns.Count).Where(i => !model.Outputs.Contains(columns[i].Name) && columns[i].Name != JoinedColumns.Name)];
    }

    private static IEnumerable<DataRow> Remembered(IEnumerable<DataRow> rows, ConcurrentQueue<DataRow> waiting)
    {
        foreach (var row in rows)
        {
            waiting.Enqueue(row);
            yield return row;
        }
    }
}
