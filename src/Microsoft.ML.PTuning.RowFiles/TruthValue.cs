namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>True or false, as files spell it.</summary>
internal static class TruthValue
{
    /// <returns>Null if the text is neither.</returns>
    public static bool? Of(string text) => text.Trim().ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "y" or "t" => true,
        "false" or "0" or "no" or "n" or "f" => false,
        _ => null,
    };
}
