namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Consecutive rows of a file, which are read without those before them.</summary>
/// <param name="Start">Where they begin: a byte of a text file, a row of a Parquet file, from 0.</param>
/// <param name="End">Where they end; it does not belong to them.</param>
/// <param name="Line">The line, or the row of a Parquet file, with which they begin, from 1.</param>
/// <param name="Rows">How many there are, broken ones included.</param>
internal sealed record RowRange(long Start, long End, long Line, long Rows);
