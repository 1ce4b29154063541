namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>The names of models that are asked about one row.</summary>
internal static class ModelNames
{
    /// <exception cref="ArgumentException">A model is named twice.</exception>
    public static string[] EachOnce(IReadOnlyCollection<string> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        string[] names = [.. models];
        return names.GroupBy(name => name).FirstOrDefault(same => same.Skip(1).Any()) is { } twice
            ? throw new ArgumentException($"Model '{twice.Key}' is named twice. Name each model once.", nameof(models))
            : names;
    }
}
