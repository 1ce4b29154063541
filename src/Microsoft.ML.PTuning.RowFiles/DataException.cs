namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A data file that cannot be used, or that <c>--strict</c> refuses; the message says where and why.</summary>
internal sealed class DataException(string message) : Exception(message);
