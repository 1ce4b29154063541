namespace Microsoft.ML.PTuning.Serving;

/// <summary>A row of JSON is not one that a model reads.</summary>
public sealed class PTuningRowException : Exception
{
    /// <param name="message">What was expected, and what was found.</param>
    /// <param name="field">The property that is missing, unknown or wrong; null if it is the whole row.</param>
    /// <param name="isTooLong">Whether the row has too many characters.</param>
    /// <example>
    /// <code>
    /// throw new PTuningRowException("'Text' (text) is missing.", "Text");
    /// </code>
    /// </example>
    public PTuningRowException(string message, string? field = null, bool isTooLong = false)
        : base(message) => (Field, IsTooLong) = (field, isTooLong);

    /// <summary>The property that is missing, unknown or wrong; null if it is the whole row.</summary>
    public string? Field { get; }

    /// <summary>Whether the row has too many characters.</summary>
    public bool IsTooLong { get; }
}
