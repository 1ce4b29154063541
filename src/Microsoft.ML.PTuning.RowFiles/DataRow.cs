using System.Text.Json.Serialization;
using Parquet.Schema;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A column of a data file.</summary>
/// <param name="IsList">Whether a row has a list of texts, such as words or tags; else it has one text. Numbers are texts as well.</param>
internal sealed record DataColumn(string Name, bool IsList)
{
    /// <summary>What Parquet calls its type; null for another format.</summary>
    [JsonIgnore]
    public Field? Field { get; init; }
}

/// <summary>A row of a data file.</summary>
/// <param name="Line">Where it stands in the file, from 1.</param>
/// <param name="Cells">Per column: a <see cref="string"/>, a <c>string[]</c>, or null where the row has none.</param>
internal sealed record DataRow(long Line, object?[] Cells)
{
    /// <summary>The row as a line of JSON has it; null for another format, or where nobody asked for it.</summary>
    public string? Json { get; init; }

    /// <summary>The row's values by column, as Parquet has them; null for another format, or where nobody asked for them.</summary>
    public IDictionary<string, object>? Values { get; init; }

    /// <returns>The text of a column; a list is joined by spaces, a missing cell is empty.</returns>
    public string Text(int column) => Cells[column] switch
    {
        string text => text,
        string[] list => string.Join(' ', list),
        _ => "",
    };

    /// <returns>The list of a column; a text is a list of its words.</returns>
    public string[] List(int column) => Cells[column] switch
    {
        string[] list => list,
        string text => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
        _ => [],
    };
}
