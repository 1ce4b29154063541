namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>What was loaded does not work.</summary>
internal sealed class FuzzFailureException(string message) : Exception(message);
