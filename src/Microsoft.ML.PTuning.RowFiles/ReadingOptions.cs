using System.Text;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>How to read a file where its name and its first lines do not tell.</summary>
internal sealed record ReadingOptions
{
    /// <summary>The name of a format of <see cref="DataFormats"/>; null to go by the file's name.</summary>
    public string? Format { get; init; }

    /// <summary>What separates fields; null to find out from the first line.</summary>
    public string? Separator { get; init; }

    /// <summary>Whether the first line names the columns.</summary>
    public bool HasHeader { get; init; } = true;

    /// <summary>The encoding; null for the one of the byte order mark, else UTF-16 where every other byte is 0, else UTF-8.</summary>
    public Encoding? Encoding { get; init; }

    /// <summary>Columns whose texts become the list <see cref="JoinedColumns.Name"/>.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Whether rows keep the JSON or the values of Parquet that they come from.</summary>
    public bool KeepsSource { get; init; }

    /// <summary>The columns of a file of JSON lines; null for those of its first lines.</summary>
    public IReadOnlyList<DataColumn>? Columns { get; init; }

    /// <summary>Lines of the file that the stream leaves out, in front of its rows.</summary>
    public long LinesBefore { get; init; }

    /// <summary>The rows of a Parquet file that are read, from 0; null for all.</summary>
    public (long Start, long End)? Rows { get; init; }

    /// <summary>Stops the reading of rows.</summary>
    public CancellationToken Cancellation { get; init; }

    public BrokenRows Broken { get; init; } = new();

    /// <summary>Is told what the reader has decided by itself, such as a name for a column without one.</summary>
    public Action<string> Note { get; init; } = _ => { };
}
