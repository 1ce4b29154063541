namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Collects what is wrong with rows of a file: left out and counted, or refused.</summary>
/// <param name="isStrict">Whether the first one ends the work.</param>
/// <param name="wayOut">The end of that message: what refuses the file, and how to go on.</param>
internal sealed class BrokenRows(bool isStrict = false, string wayOut = "--strict refuses the file; without it the row is left out.")
{
    private const int Told = 10;

    private readonly Dictionary<string, int> _told = [];

    /// <summary>Rows that were left out.</summary>
    public long Count { get; private set; }

    /// <summary>Is told of the first ones of each file: where they are, and what is wrong.</summary>
    public Action<string>? Tell { get; set; }

    /// <summary>Is told of every one: the line, and what is wrong.</summary>
    public Action<long, string>? Found { get; set; }

    /// <param name="file">The file's name, for the message.</param>
    /// <param name="line">The line on which the row begins, from 1.</param>
    /// <param name="reason">What was expected and what was found.</param>
    /// <exception cref="DataException">Broken rows are refused.</exception>
    public void Add(string file, long line, string reason)
    {
        if (isStrict)
            throw new DataException($"{file}, line {line}: {reason} {wayOut}");

        Count++;
        Found?.Invoke(line, reason);
        var told = _told[file] = _told.GetValueOrDefault(file) + 1;
        if (told > Told)
            return;
        Tell?.Invoke($"{file}, line {line}: {reason}");
        if (told == Told)
            Tell?.Invoke($"{file}: further broken rows are counted only.");
    }
}
