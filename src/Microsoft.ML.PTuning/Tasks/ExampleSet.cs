using System.Runtime.ExceptionServices;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The rows of a data set, encoded once for all epochs.</summary>
/// <param name="Examples">Rows in the order of the data.</param>
/// <param name="Skipped">Rows without a label.</param>
internal sealed record ExampleSet(IReadOnlyList<Example> Examples, int Skipped)
{
    /// <summary>Rows that are encoded together, on all cores, while the next ones are read. No more texts are in memory than those of both.</summary>
    private const int ReadAhead = 4096;

    /// <summary>Rows between two checks for cancellation, those without a label included.</summary>
    private const int RowsBetweenChecks = 256;

    /// <summary>Rows whose text was longer than the task's maximum.</summary>
    public int Truncated { get; } = Examples.Count(e => e.IsTruncated);

    /// <summary>Rows whose label was not found in their text.</summary>
    public int Misaligned { get; } = Examples.Count(e => e.IsMisaligned);

    /// <summary>Reads and encodes all rows that have a label, once.</summary>
    /// <param name="checkCancelled">Throws if the work has been cancelled.</param>
    /// <param name="withTarget">Whether rows have a label; otherwise all are read, without a target.</param>
    public static ExampleSet Read(IDataView data, PromptTask task, TextTokenizer tokenizer, Action checkCancelled, bool withTarget = true)
    {
        var columns = (withTarget ? task.Inputs.Concat(task.LabelColumns) : task.Inputs).Select(c => data.Schema[c.Name]).DistinctBy(c => c.Index);
        using var cursor = data.GetRowCursor(columns);
        var read = task.OpenRow(cursor, withTarget);

        var examples = new List<Example>();
        var pending = new List<PendingExample>();
        var encoding = Task.FromResult<Example[]>([]);
        var skipped = 0;
        try
        {
            for (var rows = 0L; cursor.MoveNext(); rows++)
            {
                if (rows % RowsBetweenChecks == 0)
                    checkCancelled();
                if (read() is { } row)
                    pending.Add(row);
                else
                    skipped++;
                if (pending.Count == ReadAhead)
                    EncodePending();
            }
            EncodePending();
            examples.AddRange(encoding.GetAwaiter().GetResult());
        }
        finally
        {
            Task.WhenAny(encoding).Wait(); // Where reading fails, the tokenizer may be freed next,
            _ = encoding.Exception;        // and that failure is the one to tell.
        }
        return new ExampleSet(examples, skipped);

        void EncodePending()
        {
            examples.AddRange(encoding.GetAwaiter().GetResult());
            var rows = pending;
            (encoding, pending) = (Task.Run(() => Encode(rows, tokenizer)), []);
        }
    }

    /// <summary>Encodes rows side by side, in their order.</summary>
    /// <param name="cores">How many cores may be used; null for all.</param>
    /// <exception cref="Exception">The first exception of encoding a row.</exception>
    public static Example[] Encode(IReadOnlyList<PendingExample> pending, TextTokenizer tokenizer, int? cores = null)
    {
        var examples = new Example[pending.Count];
        try
        {
            Parallel.For(0, pending.Count, new ParallelOptions { MaxDegreeOfParallelism = cores ?? -1 }, i => examples[i] = pending[i](tokenizer));
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        return examples;
    }
}
